"""Documents turned hostile: every field missing, of another type, endless, or text of no good.

Exhaustive and in a fixed order, so that a failure names its case and comes again.
"""

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any

MISSING = object()
"""The field is not there at all."""


def _nest(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


HOSTILE: tuple[Any, ...] = (
    MISSING,
    None,
    True,
    False,
    0,
    -1,
    1.5,
    -0.0,
    float("nan"),
    float("inf"),
    10**18,
    10**40,
    -(10**40),
    "",
    " ",
    "0",
    "-1",
    "NaN",
    "-Infinity",
    "1e999999",
    "1_000",
    "\u0661\u0662\u0663",  # digits, but not ours
    "a\0b",
    "\ud800",
    "\u202e\x1b[31m",
    "x" * 20_000,
    "9" * 5_000,
    [],
    {},
    [None],
    {"id": {"id": {}}},
    [["a", 1]],
    _nest(200),
)
"""What a field may be that should be something else."""


def hostile_documents(document: Any) -> Iterator[tuple[str, bytes]]:
    """Each field of a document with each hostile value, as JSON; with a name for the case."""
    for path in _paths(document):
        for number, value in enumerate(HOSTILE):
            changed = _with(document, path, value)
            if changed is not MISSING:
                place = ".".join(map(str, path)) or "whole"
                yield f"{place}:{number}", json.dumps(changed).encode()


RAW: tuple[bytes, ...] = (
    b"",
    b" ",
    b"\0",
    b"null",
    b"true",
    b"0",
    b'""',
    b"[]",
    b"{}",
    b"[[[[",
    b"{" * 10_000,
    b"[" * 10_000 + b"]" * 10_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"a": NaN}',
    b'{"a": 1e999999}',
    b'{"a": ' + b"9" * 5_000 + b"}",
    b'{"a": 1} trailing',
    b'{"a": 1',
    b"{'a': 1}",
    b"\xff\xfe\x00\x01",
    b"\xef\xbb\xbf{}",
    '{"a": "\u20ac"}'.encode("utf-16"),
    b'{"a": "\xff"}',
    b'{"a": "\\ud800"}',
    b"<html><body>502 Bad Gateway</body></html>",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    b"a=1&b=2",
    b"%00",
    b"x" * 300_000,
)
"""Bodies that are no document of ours."""


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        items = enumerate(value)
    for name, item in items:
        yield from _paths(item, (*path, name))


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(document)
    place = changed
    for name in path[:-1]:
        place = place[name]
    if value is not MISSING:
        place[path[-1]] = value
    elif isinstance(place, dict):
        del place[path[-1]]
    else:
        place.pop(path[-1])
    return changed
