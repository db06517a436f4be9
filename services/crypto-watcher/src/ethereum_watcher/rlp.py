"""Recursive length prefix, the encoding of Ethereum's transactions. Pure, no I/O.

Only what a transfer needs: a list of byte strings, of which one may be an empty list.

Source: ethereum.org/developers/docs/data-structures-and-encoding/rlp.
"""

from collections.abc import Sequence

_TEXT, _LIST = 0x80, 0xC0
_SHORT_MAX = 55
_EMPTY_LIST = b"\xc0"

Item = bytes | tuple[()]
"""A byte string, or the empty list."""


class RlpInvalid(Exception):
    """The bytes are not a list of byte strings."""


def number(value: int) -> bytes:
    """A number without leading zeros; 0 has no byte."""
    return value.to_bytes((value.bit_length() + 7) // 8)


def encoded(items: Sequence[Item]) -> bytes:
    """The bytes of a list."""
    content = b"".join(_EMPTY_LIST if isinstance(one, tuple) else _text(one) for one in items)
    return _start(len(content), _LIST) + content


def decoded(raw: bytes) -> list[Item]:
    """The items of a list.

    Raises:
        RlpInvalid: the bytes are another thing, or not the only encoding of it.
    """
    content = _whole(raw)
    items: list[Item] = []
    while content:
        if content[0] == _LIST:
            items.append(())
            content = content[1:]
            continue
        item, content = _first(content)
        items.append(item)
    if encoded(items) != raw:
        raise RlpInvalid("not the shortest encoding")
    return items


def _text(item: bytes) -> bytes:
    if len(item) == 1 and item[0] < _TEXT:
        return item
    return _start(len(item), _TEXT) + item


def _start(size: int, kind: int) -> bytes:
    if size <= _SHORT_MAX:
        return bytes([kind + size])
    length = number(size)
    return bytes([kind + _SHORT_MAX + len(length)]) + length


def _whole(raw: bytes) -> bytes:
    """The content of a list that is all of the bytes."""
    if not raw or raw[0] < _LIST:
        raise RlpInvalid("not a list")
    begin, end = _bounds(raw, _LIST)
    if end != len(raw):
        raise RlpInvalid("another length")
    return raw[begin:end]


def _first(content: bytes) -> tuple[bytes, bytes]:
    """The first byte string, and what follows it."""
    if content[0] < _TEXT:
        return content[:1], content[1:]
    if content[0] > _LIST:
        raise RlpInvalid("a list in the list")
    begin, end = _bounds(content, _TEXT)
    if end > len(content):
        raise RlpInvalid("too short")
    return content[begin:end], content[end:]


def _bounds(raw: bytes, kind: int) -> tuple[int, int]:
    size = raw[0] - kind
    if size <= _SHORT_MAX:
        return 1, 1 + size
    begin = 1 + size - _SHORT_MAX
    return begin, begin + int.from_bytes(raw[1:begin])
