"""Stripe as a small model with a book: intents, refunds, idempotency keys, events.

Requests come through the worker's own client and Stripe's library. A token names what its card
does, so a seed decides it.
"""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any
from urllib.parse import parse_qsl

import httpx

from tests.simulation.daraja import Hook, as_sent
from tests.simulation.loop import Network

CARDS = (
    ("visa", 8),
    ("declined", 2),
    ("asks_and_pays", 3),
    ("asks_and_fails", 1),
    ("asks_in_vain", 1),
    ("takes_time", 2),
)
REFUNDS = (("succeeded", 8), ("pending_then_succeeded", 2), ("pending_then_failed", 1))
WEBHOOK = "/webhooks/stripe"
_DECLINE = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"}
_PLACE = re.compile(r"/v1/(payment_intents|refunds|disputes)(?:/([^/]+))?(?:/(confirm|cancel))?$")


class Stripe:
    """One account."""

    def __init__(self, network: Network, random: Random, hook: Hook) -> None:
        self.network = network
        self.random = random
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.book: list[tuple[str, int]] = []
        """What moved: attempt and signed cents."""
        self.callbacks_lost = 0.0
        self.callbacks_twice = 0.0
        self.errors = 0.0
        self.busy_until = 0.0
        self._hook = hook
        self._answers: dict[str, tuple[int, bytes]] = {}
        self._count = 0

    def serve(self, request: httpx.Request) -> httpx.Response:
        text = request.content.decode() or request.url.query.decode()
        form, key = dict(parse_qsl(text)), request.headers.get("idempotency-key")
        if key is not None and key in self._answers:
            return as_sent(*self._answers[key])
        strange = self._strange()
        if strange == 429:
            return as_sent(429, b'{"error": {}}', **{"stripe-should-retry": "false"})
        failed: tuple[int, Any] = (500, {"error": {"type": "api_error"}})
        status, document = failed
        if strange != 500:
            status, document = self._answer(request.method, request.url.path, form)
        if strange == 501:
            status, document = failed
        raw = json.dumps(document).encode()
        if key is not None:
            self._answers[key] = (status, raw)
        return as_sent(status, raw)

    def _strange(self) -> int | None:
        """429: refused; 500: an error before the deed, 501: after it."""
        calm = self.network.loop.time() >= self.network.weather.ends_s
        if calm or self.random.random() >= self.errors:
            return None
        return self.random.choice((429, 500, 501))

    def _answer(self, method: str, path: str, form: dict[str, str]) -> tuple[int, Any]:
        place = _PLACE.search(path)
        assert place is not None, path
        kind, thing_id, verb = place.groups()
        if kind == "disputes":
            return 200, _page([])
        if kind == "refunds":
            return self._about_refunds(method, thing_id, form)
        if verb == "confirm":
            return self._confirm(self.intents[thing_id])
        if verb == "cancel":
            return self._cancel(self.intents[thing_id])
        if thing_id is not None:
            return 200, self.intents[thing_id]
        if method == "POST":
            return 200, self._create(form)
        return 200, _page(list(reversed(self.intents.values())))

    def _about_refunds(
        self, method: str, thing_id: str | None, form: dict[str, str]
    ) -> tuple[int, Any]:
        if method == "POST":
            return self._refund(form)
        if thing_id is not None:
            return 200, self.refunds[thing_id]
        about = form["payment_intent"]
        return 200, _page([one for one in self.refunds.values() if one["payment_intent"] == about])

    def _create(self, form: dict[str, str]) -> dict[str, Any]:
        intent: dict[str, Any] = {
            "id": self._id("pi"),
            "object": "payment_intent",
            "status": "requires_confirmation",
            "amount": int(form["amount"]),
            "amount_received": 0,
            "currency": form["currency"],
            "client_secret": "secret",
            "next_action": None,
            "last_payment_error": None,
            "latest_charge": None,
            "cancellation_reason": None,
            "payment_method": form["payment_method"],
            "metadata": _metadata(form),
        }
        self.intents[intent["id"]] = intent
        return intent

    def _confirm(self, intent: dict[str, Any]) -> tuple[int, Any]:
        if intent["status"] == "succeeded":
            return 200, intent
        if intent["status"] != "requires_confirmation":
            return 400, {"error": {"type": "invalid_request_error", "code": "unexpected_state"}}
        card = intent["payment_method"].removeprefix("pm_")
        if card == "visa":
            self._pay(intent)
        elif card == "takes_time":
            intent["status"] = "processing"
            self._after(30, self._pay, intent)
        elif card == "declined":
            self._decline(intent)
            return 402, {"error": {**_DECLINE, "payment_intent": intent}}
        else:
            intent |= {"status": "requires_action", "next_action": {"type": "use_stripe_sdk"}}
            self._event("payment_intent.requires_action", intent)
            if card == "asks_and_pays":
                self._after(60, self._act, intent, self._pay)
            elif card == "asks_and_fails":
                self._after(60, self._act, intent, self._decline)
        return 200, intent

    def _act(self, intent: dict[str, Any], act: Callable[[dict[str, Any]], None]) -> None:
        if intent["status"] == "requires_action":
            act(intent)

    def _pay(self, intent: dict[str, Any]) -> None:
        fee = 30 + intent["amount"] * 29 // 1000
        movement = {"id": self._id("txn"), "amount": intent["amount"], "fee": fee}
        card = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2030}
        intent |= {
            "status": "succeeded",
            "amount_received": intent["amount"],
            "next_action": None,
            "latest_charge": {
                "id": self._id("ch"),
                "disputed": False,
                "payment_method_details": {"card": card},
                "balance_transaction": {**movement, "currency": intent["currency"]},
            },
        }
        self._move(intent, +1)
        self._event("payment_intent.succeeded", intent)

    def _decline(self, intent: dict[str, Any]) -> None:
        intent |= {
            "status": "requires_payment_method",
            "last_payment_error": dict(_DECLINE),
            "next_action": None,
        }
        self._event("payment_intent.payment_failed", intent)

    def _cancel(self, intent: dict[str, Any]) -> tuple[int, Any]:
        if intent["status"] in ("succeeded", "canceled", "processing"):
            return 400, {"error": {"type": "invalid_request_error", "code": "unexpected_state"}}
        intent |= {"status": "canceled", "cancellation_reason": "abandoned", "next_action": None}
        self._event("payment_intent.canceled", intent)
        return 200, intent

    def _refund(self, form: dict[str, str]) -> tuple[int, Any]:
        intent, amount = self.intents[form["payment_intent"]], int(form["amount"])
        given_back = sum(
            one["amount"]
            for one in self.refunds.values()
            if one["payment_intent"] == intent["id"] and one["status"] != "failed"
        )
        if intent["status"] != "succeeded" or given_back + amount > intent["amount"]:
            return 400, {"error": {"type": "invalid_request_error", "param": "amount"}}
        names, weights = zip(*REFUNDS, strict=True)
        status, _, then = str(self.random.choices(names, weights)[0]).partition("_then_")
        refund = {
            "id": self._id("re"),
            "object": "refund",
            "status": status,
            "amount": amount,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "balance_transaction": None,
            "failure_reason": None,
            "metadata": _metadata(form),
        }
        self.refunds[refund["id"]] = refund
        if status == "succeeded":
            self._move(refund, -1)
            if self.random.random() < 0.2:
                self._after(200, self._go_back, refund)
        else:
            self._after(60, self._end_refund, refund, then)
        return 200, refund

    def _end_refund(self, refund: dict[str, Any], status: str) -> None:
        refund["status"] = status
        if status == "succeeded":
            self._move(refund, -1)
        self._event("refund.updated", refund)

    def _go_back(self, refund: dict[str, Any]) -> None:
        """The bank of the card did not take it after all."""
        refund |= {"status": "failed", "failure_reason": "lost_or_stolen_card"}
        self._move(refund, +1)
        self._event("refund.failed", refund)

    def _move(self, thing: dict[str, Any], sign: int) -> None:
        self.book.append((thing["metadata"]["cift_attempt"], sign * thing["amount"]))
        self.network.trace.note("stripe moves", sign * thing["amount"])

    def _after(self, most_s: float, act: Callable[..., None], *words: Any) -> None:
        at = self.network.loop.time() + 1 + most_s * self.random.random()
        self.busy_until = max(self.busy_until, at)
        self.network.loop.call_at(at, act, *words)

    def _event(self, kind: str, thing: dict[str, Any]) -> None:
        calm = self.network.loop.time() >= self.network.weather.ends_s
        if not calm and self.random.random() < self.callbacks_lost:
            return
        event = {"id": self._id("evt"), "type": kind, "data": {"object": thing}}
        raw = json.dumps(event).encode()
        times = 2 if not calm and self.random.random() < self.callbacks_twice else 1
        for _ in range(times):
            late = 0.01 if calm or self.random.random() < 0.6 else 90 * self.random.random()
            self.network.loop.call_later(late, self._hook, WEBHOOK, raw)

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count:06d}"


def _metadata(form: dict[str, str]) -> dict[str, str]:
    found = {}
    for name, text in form.items():
        if name.startswith("metadata["):
            found[name[len("metadata[") : -1]] = text
    return found


def _page(things: list[Any]) -> dict[str, Any]:
    return {"object": "list", "data": things, "has_more": False, "url": "/v1/x"}
