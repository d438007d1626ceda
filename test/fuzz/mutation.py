# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Spoilt inputs: whole documents with one or more things wrong, from a seed, without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import copy
import json
import random
from typing import Any

# What a field may hold instead of what it should: other kinds, limits, and what is not a number.
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 7, 255, 4096, 2**31, -(2**31), 2**63, 2**64, 10**400, 0.0,
    -0.0, 0.5, 1e-320, 1e308, float('nan'), float('inf'), '', 'x', 'nose', '../../etc/passwd',
    '\x00', '\ud800', 'é' * 300, [], {}, [[]], [None], [0] * 3, [1e308] * 4, ['nose'] * 17,
    {'data': []}, {'kind': 'gaussian'}, {'': 0},
)
ODD_BYTES = (b'', b'\x00', b'\xff', b'\xff\xfe', b'{', b'}', b'[' * 200, b'"', b':', b'\n', b'- ',
             b'&a ', b'*a ', b'!!python/object:os.system ', b'%', b'0', b'9' * 40, b'e', b'NaN')


def spoilt_documents(document: Any, seed: int) -> Iterator[bytes]:
    """Give the JSON of a document, spoilt: fields exchanged, missing, added; bytes as well."""
    choose = random.Random(seed)
    while True:
        spoilt = copy.deepcopy(document)
        for _ in range(choose.choice((1, 1, 1, 2, 5))):
            spoilt = _spoil(spoilt, choose)
        data = json.dumps(spoilt).encode('utf-8', 'surrogatepass')
        yield next(spoilt_bytes(data, choose.random())) if choose.random() < 0.3 else data


def spoilt_bytes(data: bytes, seed: float) -> Iterator[bytes]:
    """Give the bytes spoilt: flipped, cut, repeated, other bytes put in."""
    choose = random.Random(seed)
    while True:
        spoilt = bytearray(data)
        for _ in range(choose.choice((1, 1, 2, 4, 16))):
            at = choose.randrange(len(spoilt) + 1)
            to = min(len(spoilt), at + choose.choice((1, 1, 2, 8, 64, 4096)))
            kind = choose.randrange(5)
            if kind == 0 and at < len(spoilt):
                spoilt[at] ^= 1 << choose.randrange(8)
            elif kind == 1:
                del spoilt[at:to]
            elif kind == 2:
                spoilt[at:at] = spoilt[at:to]
            elif kind == 3:
                spoilt[at:to] = choose.choice(ODD_BYTES)
            else:
                spoilt[at:to] = choose.randbytes(to - at)
        yield bytes(spoilt)


def in_turns(
    spoil: Callable[[Any, int], Iterator[bytes]], good: Sequence[Any]
) -> Callable[[int], Iterator[bytes]]:
    """Return what spoils each of some good inputs in turns, from a seed."""
    def inputs(seed: int) -> Iterator[bytes]:
        streams = [spoil(one, seed + n) for n, one in enumerate(good)]
        while True:
            for stream in streams:
                yield next(stream)

    return inputs


def _spoil(value: Any, choose: random.Random) -> Any:
    """Return a document with one thing wrong, somewhere inside."""
    inside = isinstance(value, (dict, list)) and value
    if not inside or choose.random() < 0.1:
        return copy.deepcopy(choose.choice(ODD_VALUES))
    places = list(value) if isinstance(value, dict) else list(range(len(value)))
    place = choose.choice(places)
    kind = choose.randrange(8)
    if kind == 0:
        del value[place]
    elif kind == 1 and isinstance(value, dict):
        name = choose.choice(('', 'x', 'input', 'decoder', 'key', 'id'))
        value[name] = copy.deepcopy(choose.choice(ODD_VALUES))
    elif kind == 1:
        value.append(copy.deepcopy(value[place]))
    elif kind == 2:
        value[place] = copy.deepcopy(value[choose.choice(places)])
    else:
        value[place] = _spoil(value[place], choose)
    return value
