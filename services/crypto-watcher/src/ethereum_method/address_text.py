"""Is a text an address of Ethereum, with a right checksum? Pure, no I/O, no library.

The gateway asks, so that a misspelt address is refused at once. The worker decides whether the
address can be paid.

Source: EIP-55 for the checksum; keccak.team/keccak_specs_summary.html for its hash.
"""

import re

CHARS = 42
_TEXT = re.compile(r"0x[0-9a-fA-F]{40}")
_EIGHT = 8
_RATE = 136
"""Bytes of one round of input."""
_WORD = (1 << 64) - 1
_LANES = 5


def is_address(text: str) -> bool:
    """True for an address; if its letters are of both cases, they are its checksum."""
    if not _TEXT.fullmatch(text):
        return False
    letters = text[2:]
    return letters in (letters.lower(), letters.upper()) or text == checksummed(letters)


def checksummed(letters: str) -> str:
    """The address of 40 hex digits as it is shown."""
    lower = letters.lower()
    digits = keccak256(lower.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(digit, 16) >= _EIGHT else letter
        for letter, digit in zip(lower, digits, strict=False)
    )


def shortened(text: str) -> str:
    """The beginning and the end of an address, for lists."""
    return f"{text[:8]}…{text[-6:]}"


def keccak256(data: bytes) -> bytes:
    """The hash of a text that is shorter than one round of input, such as an address."""
    if len(data) >= _RATE:
        raise ValueError("longer than one round")
    padded = bytearray(data.ljust(_RATE, b"\0"))
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [int.from_bytes(padded[at : at + 8], "little") for at in range(0, _RATE, 8)]
    state = _permuted([*lanes, *[0] * (_LANES * _LANES - len(lanes))])
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _turned(lane: int, bits: int) -> int:
    bits %= 64
    return (lane << bits | lane >> (64 - bits)) & _WORD


def _permuted(state: list[int]) -> list[int]:
    """Keccak-f[1600]; the lane of column x and row y is at 5 y + x."""
    for constant in _constants():
        parity = [
            state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
            for x in range(_LANES)
        ]
        mixed = [parity[x - 1] ^ _turned(parity[(x + 1) % 5], 1) for x in range(_LANES)]
        state = [lane ^ mixed[at % 5] for at, lane in enumerate(state)]
        state = _moved(state)
        state = [
            state[at] ^ (~state[at - at % 5 + (at + 1) % 5] & state[at - at % 5 + (at + 2) % 5])
            for at in range(len(state))
        ]
        state[0] ^= constant
    return state


def _moved(state: list[int]) -> list[int]:
    """Every lane but the first turned, and put to another place."""
    moved, x, y = list(state), 1, 0
    for step in range(24):
        lane = state[5 * y + x]
        x, y = y, (2 * x + 3 * y) % 5
        moved[5 * y + x] = _turned(lane, (step + 1) * (step + 2) // 2)
    return moved


def _constants() -> list[int]:
    """The constants of the 24 rounds, from the register that the standard defines."""
    found, register = [], 1
    for _ in range(24):
        constant = 0
        for place in range(7):
            constant |= (register & 1) << ((1 << place) - 1)
            register <<= 1
            register ^= 0x171 if register >> 8 else 0
        found.append(constant)
    return found
