#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
List the licence of each locked package that is installed, and fail on one that is not allowed.

`make licences`. What a package says of itself: License-Expression, else its classifiers, else its
License field; the wheels of ROS say nothing there, but bring their package.xml.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
import re
import sys
import xml.etree.ElementTree as ElementTree

ROOT = Path(__file__).resolve().parents[1]

# Words that a licence must have: permissive ones, and those whose reach ends at their own files.
ALLOWED = (
    'apache', 'bsd', 'mit', 'isc', 'psf', 'python software foundation', 'zlib', 'cc0', 'boost',
    'public domain', 'mpl', 'mozilla public license', 'any-osi', 'hpnd', 'lesser general public',
)
FORBIDDEN = re.compile(r'\b(?:A?GPL|affero)|(?<!lesser )general public', re.IGNORECASE)
BY_HAND = {
    # Each wheel was read for what its metadata does not say, or says of a part only.
    'docutils': 'Public Domain, BSD; GPL for math2html.py, which colcon never loads',
    'setuptools': 'MIT',
}
ROS = re.compile(r'ros-(?:(?:jazzy|kilted)-)?(.+)')


def locked(distro: str) -> list[str]:
    """Return the names of the lock."""
    text = (ROOT / f'requirements/lock-{distro}.txt').read_text(encoding='utf-8')
    return sorted(set(re.findall(r'^([\w.-]+)==', text, re.MULTILINE)))


def licence_of(name: str) -> str:
    """Return what the installed package says of its licence; '' when it says nothing."""
    if name in BY_HAND:
        return BY_HAND[name]
    about = metadata.metadata(name)
    if expression := about.get('License-Expression'):
        return ' '.join(expression.split())
    classifiers = [
        c.rpartition('::')[2].strip() for c in about.get_all('Classifier') or []
        if c.startswith('License ::') and not c.endswith('OSI Approved')
    ]
    if classifiers:
        return ', '.join(classifiers)
    text = (about.get('License') or '').strip()
    return text.splitlines()[0].strip() if text else licence_in_package_xml(name)


def licence_in_package_xml(name: str) -> str:
    """Return the licence in the package.xml, or LICENSE, that a wheel of ROS brings; or ''."""
    match = ROS.fullmatch(name)
    if match is None:
        return ''
    package = match[1].replace('-', '_')
    path, text = (Path(sys.prefix, 'share', package, n) for n in ('package.xml', 'LICENSE'))
    if not path.is_file():
        lines = text.read_text(encoding='utf-8').split('\n') if text.is_file() else []
        return next((line.strip() for line in lines if line.strip()), '')
    licences = ElementTree.parse(path).getroot().iterfind('license')
    return ', '.join(' '.join((e.text or '').split()) for e in licences)


def is_allowed(licence: str, name: str = '') -> bool:
    """Whether a licence is one that we take, by what it says or by hand."""
    if name not in BY_HAND and FORBIDDEN.search(licence):
        return False
    return any(word in licence.lower() for word in ALLOWED)


def main() -> int:
    """Print the list; return 1 when a package is not allowed."""
    distro = sys.argv[1] if len(sys.argv) > 1 else 'jazzy'
    bad, missing = [], []
    for name in locked(distro):
        try:
            licence = licence_of(name)
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)  # for another Python or system
            continue
        print(f'{name:36} {version:14} {licence or "(says nothing)"}')
        if not is_allowed(licence, name):
            bad.append(f'{name}: {licence or "says nothing"}')
    if missing:
        print(f'not installed here, for another Python or system: {", ".join(missing)}')
    for line in bad:
        print(f'NOT ALLOWED  {line}', file=sys.stderr)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
