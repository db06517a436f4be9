"""The Idempotency-Key header, and the digest that shows whether two requests are the same.

Source: draft-ietf-httpapi-idempotency-key-header: a structured-field string ("quoted"); the bare
form that most clients send is accepted as well.
"""

import hashlib
import json
import re
from typing import Any

from starlette.requests import Request

from cift_shared.ids import IdFactory
from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Caller
from gateway.idempotency.store import RequestKey
from gateway.problems.problem import Problem, parameter_problem

HEADER = "Idempotency-Key"
_QUOTED = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}")


def read_key(values: list[str]) -> str:
    """The key of a request, 1 to 255 visible ASCII characters.

    Args:
        values: every Idempotency-Key header of the request.

    Raises:
        Problem: no header, more than one, or not a key.
    """
    if not values:
        raise Problem(
            "idempotency_key_missing",
            "Send an Idempotency-Key that is new for each payment and the same for each retry.",
            errors=[{"in": "header", "parameter": HEADER, "code": "idempotency_key_missing"}],
        )
    if len(values) > 1:
        raise _malformed()
    quoted = _QUOTED.fullmatch(values[0])
    key = re.sub(r"\\(.)", r"\1", quoted.group(1)) if quoted else values[0]
    if not _VISIBLE.fullmatch(key) or (quoted is None and key.startswith('"')):
        raise _malformed()
    return key


def request_key(request: Request, caller: Caller, vault: Vault, *, route: str) -> RequestKey:
    """The idempotency key of a request, in the scope of merchant, mode and route.

    Raises:
        Problem: the header is missing or malformed.
    """
    key = read_key(request.headers.getlist(HEADER))
    digest = vault.fingerprint(key.encode(), context="idempotency-key")
    document = getattr(request.state, "document", None)
    instance: str = request.scope["state"]["instance"]
    return RequestKey(caller, route, digest, request_digest(request.url.path, document), instance)


def item_key(request: Request, key: str, single: tuple[str, str, Any], vault: Vault) -> RequestKey:
    """The key of an item of a batch: that of the single request with the same content.

    Args:
        request: the request with the batch.
        key: the item's idempotency key.
        single: route, path and body of the single request.
        vault: hashes the key.
    """
    route, path, document = single
    digest = vault.fingerprint(key.encode(), context="idempotency-key")
    caller: Caller = request.state.caller
    instance: str = request.scope["state"]["instance"]
    return RequestKey(caller, route, digest, request_digest(path, document), instance)


def optional_key(
    request: Request, caller: Caller, vault: Vault, ids: IdFactory, *, route: str
) -> RequestKey:
    """Like `request_key` where the header is optional: without it the request gets a new key.

    Raises:
        Problem: the header is malformed.
    """
    if HEADER in request.headers:
        return request_key(request, caller, vault, route=route)
    instance: str = request.scope["state"]["instance"]
    return RequestKey(caller, route, ids.new_id().hex, "", instance)


def request_digest(path: str, document: Any) -> str:
    """Equal for requests with the same path and JSON content, however the JSON is formatted."""
    canonical = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(f"{path}\n{canonical}".encode()).hexdigest()


def _malformed() -> Problem:
    return parameter_problem(
        "idempotency_key_malformed",
        "One header of 1 to 255 visible ASCII characters, bare or in double quotes.",
        place="header",
        name=HEADER,
    )
