"""Authenticate callers by API key: find the key by its id, compare digests in constant time.

The result of a look-up is cached for `CACHE_S` seconds: a busy key costs no database query, and a
revoked key still works for at most that time.
"""

import hmac
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from starlette.requests import Request

from cift_shared.clock import Clock
from cift_shared.security.field_encryption import Vault
from gateway.auth import key_format
from gateway.problems.problem import Problem

Scope = Literal[
    "payments:write",
    "payouts:write",
    "refunds:write",
    "conversions:write",
    "methods:write",
    "read",
]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""Deposits, withdrawals, refunds, conversions, saved methods, and everything that only reads."""

CACHE_S = 3.0
CACHE_KEYS_MAX = 10_000
HEADER_LENGTH_MAX = 200

_NO_DIGEST = "0" * 64
Lookup = Callable[[str], Awaitable[Mapping[str, Any] | None]]


@dataclass(frozen=True, slots=True)
class Caller:
    """The merchant that sent a request, in live or test mode."""

    key_id: str
    merchant_id: str
    livemode: bool
    scopes: frozenset[str]

    def require(self, *any_of: Scope) -> None:
        """Refuse a caller that has none of these scopes.

        Raises:
            Problem: scope_missing.
        """
        if not self.scopes.intersection(any_of):
            raise Problem("scope_missing", f"This needs the scope {' or '.join(any_of)}.")


class Authenticator:
    """Authenticates requests by their API key."""

    def __init__(self, lookup: Lookup, *, vault: Vault, livemode: bool, clock: Clock) -> None:
        self._lookup = lookup
        self._vault = vault
        self._livemode = livemode
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Mapping[str, Any] | None]] = OrderedDict()

    async def caller(self, request: Request) -> Caller:
        """The caller of a request.

        Raises:
            Problem: unauthenticated: no key, an unknown, expired or revoked one, or one of the
                other mode; the response is the same for all of them.
        """
        key = key_format.read_key(_bearer(request))
        if key is None:
            raise _unauthenticated()
        row = await self._row(key.key_id)
        expected = row["digest"] if row else _NO_DIGEST
        matches = hmac.compare_digest(key.digest(self._vault), expected)
        if row is None or not matches or not self._usable(row, self._clock.now()):
            raise _unauthenticated()
        return Caller(key.key_id, row["merchant_id"], row["livemode"], frozenset(row["scopes"]))

    def _usable(self, row: Mapping[str, Any], now: datetime) -> bool:
        expired = row["expires_at"] is not None and row["expires_at"] <= now
        return row["livemode"] == self._livemode and row["revoked_at"] is None and not expired

    async def _row(self, key_id: str) -> Mapping[str, Any] | None:
        now = self._clock.monotonic()
        read_at, row = self._known.get(key_id, (now - CACHE_S, None))
        if now - read_at < CACHE_S:
            return row
        row = await self._lookup(key_id)
        self._known[key_id] = (now, row)
        self._known.move_to_end(key_id)
        if len(self._known) > CACHE_KEYS_MAX:
            self._known.popitem(last=False)
        return row


def _bearer(request: Request) -> str:
    values = request.headers.getlist("authorization")
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or len(token) > HEADER_LENGTH_MAX:
        return ""
    return token.strip()


def _unauthenticated() -> Problem:
    return Problem(
        "unauthenticated",
        "Send Authorization: Bearer <api key> with a key of this mode.",
        headers={"WWW-Authenticate": "Bearer"},
    )
