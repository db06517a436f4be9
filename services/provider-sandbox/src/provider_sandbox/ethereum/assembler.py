"""A small assembler of EVM code: the contracts of the node need no compiler.

A program is words separated by blanks and line breaks: names of codes, numbers (pushed in their
shortest form), `name:` (a place that can be jumped to) and `@name` (pushes such a place).
A `;` begins a comment.
"""

import re

_CODES = {
    "STOP": 0x00, "ADD": 0x01, "SUB": 0x03, "LT": 0x10, "EQ": 0x14, "ISZERO": 0x15, "AND": 0x16,
    "SHL": 0x1B, "SHR": 0x1C, "KECCAK256": 0x20, "CALLER": 0x33, "CALLVALUE": 0x34,
    "CALLDATALOAD": 0x35, "CODECOPY": 0x39, "RETURNDATASIZE": 0x3D, "POP": 0x50, "MLOAD": 0x51,
    "MSTORE": 0x52, "SLOAD": 0x54, "SSTORE": 0x55, "JUMP": 0x56, "JUMPI": 0x57, "GAS": 0x5A,
    "DUP1": 0x80, "DUP2": 0x81, "DUP3": 0x82, "DUP4": 0x83, "DUP5": 0x84, "SWAP1": 0x90,
    "SWAP2": 0x91, "SWAP3": 0x92, "LOG3": 0xA3, "CALL": 0xF1, "RETURN": 0xF3, "REVERT": 0xFD,
    "INVALID": 0xFE,
}  # fmt: skip
_JUMP_TARGET, _PUSH_0, _PUSH_2 = 0x5B, 0x5F, 0x61


def assemble(program: str) -> bytes:
    """The code of a program.

    Raises:
        KeyError: a word is unknown.
    """
    words = re.sub(r";.*", "", program).split()
    code = bytearray()
    places: dict[str, int] = {}
    jumps: list[tuple[int, str]] = []
    for word in words:
        if word.endswith(":"):
            places[word[:-1]] = len(code)
            code.append(_JUMP_TARGET)
        elif word.startswith("@"):
            jumps.append((len(code) + 1, word[1:]))
            code += bytes([_PUSH_2, 0, 0])
        elif word[0].isdigit():
            code += _push(int(word, 0))
        else:
            code.append(_CODES[word])
    for position, name in jumps:
        code[position : position + 2] = places[name].to_bytes(2)
    return bytes(code)


def _push(number: int) -> bytes:
    size = (number.bit_length() + 7) // 8
    return bytes([_PUSH_0 + size]) + number.to_bytes(size)


def deployment(code: bytes, preparation: str = "") -> bytes:
    """The data of a transaction that creates a contract with this code.

    Args:
        code: the contract's code.
        preparation: a program that runs first, for example to set a balance.
    """
    size = len(code)
    start = assemble(preparation)
    # PUSH2 size, DUP1, PUSH2 offset, PUSH0, CODECOPY, PUSH0, RETURN
    offset = len(start) + 11
    copy = b"\x61" + size.to_bytes(2) + b"\x80\x61" + offset.to_bytes(2) + b"\x5f\x39\x5f\xf3"
    return start + copy + code
