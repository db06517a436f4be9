"""Descriptors of `scantxoutset`: which scripts they stand for."""

from typing import Any

from provider_sandbox.bitcoin.addresses import BadAddress, script_of
from provider_sandbox.bitcoin.parameters import NOT_FOUND, expect, text
from provider_sandbox.bitcoin.script_text import with_checksum
from provider_sandbox.node_rpc.errors import RpcError


def scripts_of(item: Any) -> list[bytes]:
    """The scripts of a descriptor, with or without a checksum.

    `addr(…)` and `raw(…)` are understood; those with keys are not.

    Raises:
        RpcError: it is not a descriptor that the node understands.
    """
    given = text(expect(item, "object").get("desc") if isinstance(item, dict) else item)
    bare, mark, _ = given.partition("#")
    try:
        if mark and with_checksum(bare) != given:
            raise RpcError(NOT_FOUND, f"Provided checksum does not match: {given!r}")
        name, _, content = bare.partition("(")
        if content.endswith(")") and name == "addr":
            return [script_of(content[:-1])]
        if content.endswith(")") and name == "raw":
            return [bytes.fromhex(content[:-1])]
    except BadAddress as error:
        raise RpcError(NOT_FOUND, "Address is not valid") from error
    except ValueError as error:
        raise RpcError(NOT_FOUND, "Invalid characters in descriptor") from error
    raise RpcError(NOT_FOUND, f"'{name}' is not a valid descriptor function")
