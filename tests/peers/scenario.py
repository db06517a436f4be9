"""What the card adapter meets at a Stripe: one scenario, told in words that can be compared.

Only words are compared, never values: which outcome follows which, which code a decline has.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import stripe

from card_worker.processor import CardProcessor
from cift_shared.attempts.processor import Answer
from cift_shared.messaging.outcomes import ActionRequired, Declined
from cift_shared.testing import FakeClock
from tests.support import cards
from tests.support.commands import VAULT

WEBHOOK_SECRET = "whsec_peer"
WORKS, ASKS = "4242424242424242", "4000002760003184"
ASKS_ON_SETUP = "4000002500003155"
DECLINED, ATTACHES_ONLY = "4000000000000002", "4000000000000341"


@dataclass
class Stand:
    """A stand-in for Stripe, the adapter in front of it, and the webhooks that came from it."""

    http: httpx.AsyncClient
    """Straight to the stand-in, for what the payer's browser does."""
    adapter: CardProcessor
    finish_3ds: Callable[[str, str], Awaitable[None]]
    """Ends the open challenge of an intent well: its id and client secret."""
    webhooks: list[tuple[bytes, str]]
    """Bodies with their signatures."""
    clock: FakeClock

    async def card(self, number: str) -> str:
        """A payment method with this card, as the browser makes one; "refused" when it can't."""
        form = {
            "type": "card",
            "card[number]": number,
            "card[exp_month]": "12",
            "card[exp_year]": "2030",
            "card[cvc]": "123",
        }
        answer = await self.http.post("/v1/payment_methods", data=form)
        return str(answer.json()["id"]) if answer.status_code == 200 else "refused"

    async def pay(self, number: str, *, minor: int = 20_00) -> tuple[list[str], Any]:
        """Pay with a card: the words of each answer, and the attempt at its end."""
        attempt = cards.attempt(
            cards.deposit(await self.card(number), minor=minor, clock=self.clock), self.clock
        )
        answer = await self.adapter.process_deposit(attempt)
        words, attempt = [_word(answer)], cards.learned(attempt, answer)
        if attempt.memory.get("intent"):
            answer = await self.adapter.get_transaction_status(attempt)
            words += [_word(answer), await self.status(attempt)]
            attempt = cards.learned(attempt, answer, checked=True)
        return words, attempt

    async def status(self, attempt: Any) -> str:
        """What the stand-in itself says of an attempt's intent."""
        answer = await self.http.get(f"/v1/payment_intents/{attempt.memory['intent']}")
        return str(answer.json()["status"])

    async def give_back(self, paid: Any, minor: int) -> str:
        """Refund a part of what was paid."""
        request = cards.refund(paid.memory.get("intent"), minor=minor)
        return _word(await self.adapter.process_refund(cards.attempt(request, self.clock)))

    async def save(self, number: str) -> tuple[list[str], Answer]:
        """Save a card for later."""
        attempt = cards.method_attempt(cards.setup(await self.card(number)), self.clock)
        answer = await self.adapter.process_setup(attempt)
        words = [_word(answer)]
        answer = await self.adapter.get_method_status(cards.learned(attempt, answer))
        return [*words, _word(answer)], answer


def _word(answer: Answer) -> str:
    outcome = answer.outcome
    name = type(outcome).__name__
    match outcome:
        case Declined():
            return f"{name} {outcome.failure.code}"
        case ActionRequired():
            return f"{name} {outcome.next_action['type']}"
    return name


async def play(stand: Stand) -> dict[str, Any]:
    """Every scene's words."""
    paid_words, paid = await stand.pay(WORKS)
    return {
        "a card that works": paid_words,
        "a part refunded": await stand.give_back(paid, 5_00),
        "more refunded than was paid": await stand.give_back(paid, 19_00),
        "a declined card": (await stand.pay(DECLINED))[0],
        "a card that is declined when charged": (await stand.pay(ATTACHES_ONLY))[0],
        "the same key twice": await _same_key_twice(stand),
        "3-D Secure": await _three_d_secure(stand),
        "3-D Secure that nobody finishes": await _abandoned(stand),
        "a card saved": (await stand.save(WORKS))[0],
        "a saved card forgotten": await _forget(stand),
        "a webhook of a payment": await _webhook(stand),
    }


async def _same_key_twice(stand: Stand) -> str:
    """The same attempt submitted twice: one intent, or two?"""
    attempt = cards.attempt(cards.deposit(await stand.card(WORKS), clock=stand.clock), stand.clock)
    one = await stand.adapter.process_deposit(attempt)
    two = await stand.adapter.process_deposit(attempt)
    return "one intent" if one.memory == two.memory else "two intents"


async def _three_d_secure(stand: Stand) -> list[str]:
    words, attempt = await stand.pay(ASKS)
    intent_id = attempt.memory["intent"]
    intent = (await stand.http.get(f"/v1/payment_intents/{intent_id}")).json()
    await stand.finish_3ds(intent_id, intent["client_secret"])
    last = _word(await stand.adapter.get_transaction_status(attempt))
    return [*words, last, await stand.status(attempt)]


async def _abandoned(stand: Stand) -> list[str]:
    words, attempt = await stand.pay(ASKS)
    assert attempt.created_at is not None
    late = replace(attempt, created_at=attempt.created_at - timedelta(hours=1))
    last = _word(await stand.adapter.get_transaction_status(late))
    return [*words, last, await stand.status(late)]


async def _forget(stand: Stand) -> str:
    _, saved = await stand.save(WORKS)
    sealed = getattr(saved.outcome, "instrument_sealed", None)
    if sealed is None:
        return "nothing saved"
    card = VAULT.open(sealed, context="card").decode()
    attempt = cards.method_attempt(cards.detach(card), stand.clock)
    return _word(await stand.adapter.process_detach(attempt))


async def _webhook(stand: Stand) -> str:
    """Whether the library takes the signature of what was posted for a payment."""
    _, attempt = await stand.pay(WORKS)
    async with asyncio.timeout(20):
        while True:
            for body, signature in stand.webhooks:
                if attempt.memory["intent"].encode() in body:
                    stripe.WebhookSignature.verify_header(
                        body.decode(), signature, WEBHOOK_SECRET, tolerance=300
                    )
                    return "signed"
            await asyncio.sleep(0.05)
