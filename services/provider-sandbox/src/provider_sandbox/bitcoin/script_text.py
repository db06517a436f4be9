"""Scripts as the RPC describes them: assembler text, type, address, descriptor."""

from typing import Any

from provider_sandbox.bitcoin.addresses import address_of, script_type

_NAMES = """
NOP VER IF NOTIF VERIF VERNOTIF ELSE ENDIF VERIFY RETURN TOALTSTACK FROMALTSTACK 2DROP 2DUP
3DUP 2OVER 2ROT 2SWAP IFDUP DEPTH DROP DUP NIP OVER PICK ROLL ROT SWAP TUCK CAT SUBSTR LEFT
RIGHT SIZE INVERT AND OR XOR EQUAL EQUALVERIFY RESERVED1 RESERVED2 1ADD 1SUB 2MUL 2DIV
NEGATE ABS NOT 0NOTEQUAL ADD SUB MUL DIV MOD LSHIFT RSHIFT BOOLAND BOOLOR NUMEQUAL
NUMEQUALVERIFY NUMNOTEQUAL LESSTHAN GREATERTHAN LESSTHANOREQUAL GREATERTHANOREQUAL MIN MAX
WITHIN RIPEMD160 SHA1 SHA256 HASH160 HASH256 CODESEPARATOR CHECKSIG CHECKSIGVERIFY
CHECKMULTISIG CHECKMULTISIGVERIFY NOP1 CHECKLOCKTIMEVERIFY CHECKSEQUENCEVERIFY NOP4 NOP5
NOP6 NOP7 NOP8 NOP9 NOP10 CHECKSIGADD
"""
"""Of the codes from 0x61, without `OP_`."""
_CODE_NAMES = tuple(f"OP_{name}" for name in _NAMES.split())
_FIRST_NAME = 0x61
_PUSH_1, _PUSH_4 = 0x4C, 0x4E
_MINUS_ONE, _RESERVED, _ONE, _SIXTEEN = 0x4F, 0x50, 0x51, 0x60
_NUMBER_SIZE = 4
_LETTERS = (
    "0123456789()[],'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH"
    '`#"\\ '
)
_SUM_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0xF5DEE51989, 0xA9FDCA3312, 0x1BAB10E32D, 0x3706B1677A, 0x644D626FFD)


def describe_script(script: bytes) -> dict[str, Any]:
    """The member `scriptPubKey` of an output."""
    address = address_of(script)
    described = {
        "asm": assembler(script),
        "desc": descriptor(script),
        "hex": script.hex(),
        "address": address,
        "type": script_type(script),
    }
    return {name: value for name, value in described.items() if value is not None}


def descriptor(script: bytes) -> str:
    """A descriptor of exactly this script."""
    address = address_of(script)
    return with_checksum(f"addr({address})" if address else f"raw({script.hex()})")


def assembler(script: bytes) -> str:
    """The script's codes and data, separated by blanks."""
    parts = []
    position = 0
    while position < len(script):
        code = script[position]
        position += 1
        if code > _PUSH_4:
            parts.append(_code_name(code))
            continue
        size = code
        if code >= _PUSH_1:
            width = 1 << code - _PUSH_1
            size = int.from_bytes(script[position : position + width], "little")
            position += width
        data = script[position : position + size]
        if len(data) < size:
            return " ".join([*parts, "[error]"])
        parts.append(_data_text(data))
        position += size
    return " ".join(parts)


def _code_name(code: int) -> str:
    if _ONE <= code <= _SIXTEEN:
        return str(code - _RESERVED)
    if code == _MINUS_ONE:
        return "-1"
    if code == _RESERVED:
        return "OP_RESERVED"
    place = code - _FIRST_NAME
    return _CODE_NAMES[place] if place < len(_CODE_NAMES) else "OP_UNKNOWN"


def _data_text(data: bytes) -> str:
    """Short data are shown as the number that they are."""
    if len(data) > _NUMBER_SIZE:
        return data.hex()
    if not data:
        return "0"
    magnitude = int.from_bytes(data, "little") & ~(0x80 << 8 * (len(data) - 1))
    return str(-magnitude if data[-1] & 0x80 else magnitude)


def with_checksum(text: str) -> str:
    """A descriptor followed by `#` and its checksum (BIP 380).

    Raises:
        ValueError: it has a letter that descriptors do not have.
    """
    check, group, count = 1, 0, 0
    for letter in text:
        place = _LETTERS.index(letter)
        check = _step(check, place & 31)
        group, count = group * 3 + (place >> 5), count + 1
        if count == 3:
            check, group, count = _step(check, group), 0, 0
    if count:
        check = _step(check, group)
    for _ in range(8):
        check = _step(check, 0)
    check ^= 1
    letters = (_SUM_LETTERS[check >> 5 * (7 - place) & 31] for place in range(8))
    return f"{text}#{''.join(letters)}"


def _step(check: int, value: int) -> int:
    top = check >> 35
    check = (check & 0x7FFFFFFFF) << 5 ^ value
    for place, generator in enumerate(_GENERATORS):
        check ^= generator if top >> place & 1 else 0
    return check
