# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Print the lines of requirement files whose module or program this interpreter lacks."""

from importlib.util import find_spec
import re
import shutil
import sys


def is_there(line: str) -> bool:
    """Tell whether a requirement is met: by module when it names one, else by program."""
    module = re.search(r'# imports (\S+)', line)
    if module:
        return find_spec(module.group(1)) is not None
    return shutil.which(re.split(r'[<>=]', line)[0].strip()) is not None


for path in sys.argv[1:]:
    with open(path, encoding='utf-8') as file:
        for line in file:
            if line.strip() and not line.startswith('#') and not is_there(line):
                print(line.split('#')[0].strip())
