"""Faults: rules, kept in the store, that hit the next requests of an operation."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from provider_sandbox.store import Store
from provider_sandbox.webhook_sender import CallbackMode


class Kind(StrEnum):
    """What can go wrong between a caller and the provider."""

    DELAY = "delay"
    """Takes effect at once, answered after ``delay_s``."""
    DELAY_BEFORE = "delay_before"
    """Takes effect only after ``delay_s``, even when the caller has disconnected."""
    DROP_BEFORE = "drop_before"
    """Connection dropped, no effect."""
    DROP_AFTER_EFFECT = "drop_after_effect"
    """Takes effect, connection dropped without an answer."""
    RESET_MID_BODY = "reset_mid_body"
    """Takes effect, connection dropped in the middle of the answer."""
    HTML_500 = "html_500"
    """HTML error page, no effect."""
    HTML_502 = "html_502"
    """HTML error page of a proxy, no effect."""
    HTML_503 = "html_503"
    """HTML error page of a proxy, no effect."""
    HTML_502_AFTER_EFFECT = "html_502_after_effect"
    """Takes effect, answered with a proxy's error page."""
    PLAIN_UPSTREAM_ERROR = "plain_upstream_error"
    """Plain text of a proxy, no effect."""
    SPIKE_ARREST = "spike_arrest"
    """500.003.02, too many requests in a second."""
    SYSTEM_BUSY = "system_busy"
    """500.003.02, system is busy."""
    QUOTA = "quota"
    """500.003.03."""
    INTERNAL_ERROR = "internal_error"
    """500.003.1001, no effect."""
    MAINTENANCE = "maintenance"
    """00.002.1001."""
    HTTP_429 = "http_429"
    """Too many requests, answered as a proxy does."""
    RATE_LIMIT_RETRY = "rate_limit_retry"
    """Stripe: HTTP 429 that allows a retry (``Stripe-Should-Retry: true``), no effect."""
    SAVED_500 = "saved_500"
    """Stripe: HTTP 500 without effect, stored under the idempotency key."""
    SAVED_500_AFTER_EFFECT = "saved_500_after_effect"
    """Stripe: takes effect, answered with HTTP 500, stored under the idempotency key."""
    SLOW_INSIDE = "slow_inside"
    """Stripe: locks the idempotency key for ``delay_s``, then takes effect and answers."""
    TOKEN_INVALID = "token_invalid"  # noqa: S105 - a fault's name
    """Access token refused; ``error_code`` selects the error."""
    CALLBACK_LOST = "callback_lost"
    """Never posted; see ``CallbackMode`` for this fault and those below."""
    CALLBACK_TWICE = "callback_twice"
    """Posted two times."""
    CALLBACK_LATE = "callback_late"
    """Posted after ten times the usual delay."""
    CALLBACK_BEFORE_ANSWER = "callback_before_answer"
    """Posted before the submission is answered."""
    CALLBACK_OUT_OF_ORDER = "callback_out_of_order"
    """Posted twenty seconds later than usual."""
    CALLBACK_FORGED = "callback_forged"
    """A forged success with a wrong amount comes first."""
    CALLBACK_FORGED_ID = "callback_forged_id"
    """A forged success with wrong ids comes first."""

    @property
    def callback_mode(self) -> CallbackMode | None:
        """How callbacks are posted under this fault; None for a fault of the request."""
        word = self.value.removeprefix("callback_")
        return None if word == self.value else CallbackMode(word)


WITHOUT_EFFECT = frozenset(
    {
        Kind.DROP_BEFORE,
        Kind.HTML_500,
        Kind.HTML_502,
        Kind.HTML_503,
        Kind.PLAIN_UPSTREAM_ERROR,
        Kind.SPIKE_ARREST,
        Kind.SYSTEM_BUSY,
        Kind.QUOTA,
        Kind.INTERNAL_ERROR,
        Kind.MAINTENANCE,
        Kind.HTTP_429,
        Kind.RATE_LIMIT_RETRY,
        Kind.TOKEN_INVALID,
    }
)
"""Faults that prevent a request from taking effect."""

INSIDE_OPERATION = frozenset({Kind.SAVED_500, Kind.SAVED_500_AFTER_EFFECT, Kind.SLOW_INSIDE})
"""Faults that happen inside an operation, so the operation applies them itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that hits one request."""

    kind: Kind
    delay_s: float = 0
    error_code: str | None = None


class FaultPlan:
    """The fault rules; the oldest rule that matches a request is used up first."""

    def __init__(self, store: Store, noise: random.Random) -> None:
        self._store = store
        self._noise = noise

    def add(
        self,
        operation: str,
        fault: Fault,
        *,
        times: int,
        match: Mapping[str, str],
        probability: float = 1,
    ) -> int:
        """Add a rule and return its id.

        Args:
            operation: name such as ``daraja.stk``, or a pattern such as ``daraja.*``.
            fault: the fault to apply.
            times: the number of requests it hits.
            match: fields that the request body must have with these values, compared as text.
            probability: share of the matching requests that it hits, drawn with the seed.
        """
        return self._store.insert(
            "faults",
            operation=operation,
            kind=fault.kind.value,
            times=times,
            delay_s=fault.delay_s,
            error_code=fault.error_code,
            match=json.dumps(dict(match)),
            probability=probability,
        )

    def take_request(self, operation: str, body: Mapping[str, Any]) -> Fault | None:
        """The fault that hits this request, or None; uses up one of the rule's times."""
        return self._take(operation, body, callback=False)

    def take_callback_mode(self, operation: str, body: Mapping[str, Any]) -> CallbackMode | None:
        """How to post the callbacks of this request, if a fault hits them; else None."""
        fault = self._take(operation, body, callback=True)
        return None if fault is None else fault.kind.callback_mode

    def rules(self) -> list[dict[str, Any]]:
        """Every rule that is not used up."""
        rows = self._store.all("SELECT * FROM faults ORDER BY id")
        return [{**dict(row), "match": json.loads(row["match"])} for row in rows]

    def clear(self) -> None:
        """Delete every rule."""
        self._store.execute("DELETE FROM faults")

    def _take(self, operation: str, body: Mapping[str, Any], *, callback: bool) -> Fault | None:
        for row in self._store.all("SELECT * FROM faults ORDER BY id"):
            kind = Kind(row["kind"])
            if (kind.callback_mode is not None) is not callback:
                continue
            if not fnmatchcase(operation, row["operation"]):
                continue
            if _matches(json.loads(row["match"]), body) and self._hits(row["probability"]):
                self._use_up(row["id"], row["times"])
                return Fault(kind=kind, delay_s=row["delay_s"], error_code=row["error_code"])
        return None

    def _hits(self, probability: float) -> bool:
        return probability >= 1 or self._noise.random() < probability

    def _use_up(self, rule: int, times: int) -> None:
        if times > 1:
            self._store.execute("UPDATE faults SET times = times - 1 WHERE id = ?", (rule,))
        else:
            self._store.execute("DELETE FROM faults WHERE id = ?", (rule,))


def _matches(match: Mapping[str, str], body: Mapping[str, Any]) -> bool:
    return all(str(body.get(name)) == value for name, value in match.items())
