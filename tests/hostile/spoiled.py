"""Records that no topic should have, made from nothing and from good messages."""

import json
from collections.abc import Iterator
from typing import Any

from cift_shared.messaging.charged import charged_id
from cift_shared.messaging.message import Message
from cift_shared.messaging.messages import PaymentResult, ProviderNotice, RequestDeposit
from tests.hostile.consumers import Garbage
from tests.hostile.mutations import RAW
from tests.hostile.targets import GOLDEN
from tests.support.commands import CLOCK, VAULT


def true(message: Message, **at: Any) -> Garbage:
    """A record as ours write it."""
    return Garbage("true", message.model_dump_json(exclude_none=True).encode(), **at)


def sealed(body: bytes, context: str = "notice") -> str:
    return VAULT.seal(body, context=context)


def nobody_can_read() -> Iterator[Garbage]:
    """What is undecodable on every topic."""
    yield Garbage("a tombstone", None)
    for number, raw in enumerate(RAW):
        yield Garbage(f"raw {number}", raw or b" ")
    yield Garbage("most of a megabyte", b"x" * 900_000)
    yield Garbage("a deep one, well formed", b"[" * 100_000 + b"]" * 100_000)
    headers = [(f"h{n}", b"v") for n in range(10_000)]
    yield Garbage("ten thousand headers", b"{}", headers=headers)
    broken = [("ce_id", None), ("", b""), ("x\0", b"\xff\0"), ("traceparent", b"\xff" * 40)]
    yield Garbage("headers that are none", b"{}", headers=broken)
    yield Garbage("a huge key", b"{}", key=b"\xff\0" * 50_000)
    for name in ("ledger_head", "payment_event"):
        body = json.loads((GOLDEN / f"{name}.json").read_bytes())["body"]
        yield Garbage(f"a message of another topic: {name}", json.dumps(body).encode())


def changed(message: Message, **fields: Any) -> bytes:
    return json.dumps({**message.model_dump(mode="json", exclude_none=True), **fields}).encode()


def nobody_should_write(message: Message) -> Iterator[Garbage]:
    """A good message spoiled in one thing that every reader must see."""
    for version in (0, 2, "1", 1.5, None, 10**40, -1):
        yield Garbage(f"version {version}", changed(message, schema_version=version))
    for kind in ("celebrated", "", None, 7, ["settled"]):
        yield Garbage(f"kind {kind}", changed(message, kind=kind))
    for name in ("attempt_id", "payment_id", "payment_method_id"):
        if hasattr(message, name) and getattr(message, name) is not None:
            for value in ("", "x", 7, "0" * 37, "\ud800"):
                yield Garbage(f"{name} {value!r}", changed(message, **{name: value}))
    yield from _odd_parts(message)


def _odd_parts(message: Message) -> Iterator[Garbage]:
    """What only some kinds of messages have."""
    if hasattr(message, "amount"):
        yield from _odd_amounts(message)
    if isinstance(message, RequestDeposit | PaymentResult):
        yield from _odd_exchanges(message)
    if isinstance(message, PaymentResult):
        yield from _odd_charges(message)
    if isinstance(message, ProviderNotice):
        for text in ("", "k1.", "k9.AAAA", "\0", sealed(b"{}", "phone"), sealed(b"{}")[:-4], "é"):
            yield Garbage("a seal that is none", changed(message, sealed_body=text))


def _odd_amounts(message: Message) -> Iterator[Garbage]:
    for minor in (100.5, 100, -1.0, "1e3", "00", "+1", "9" * 39, "-", "\u0661", "1\0", None):
        spoiled = changed(message, amount={"minor": minor, "currency": "KES"})
        yield Garbage(f"amount {minor!r}", spoiled)
    for currency in ("kes", "XXX", "", None, "K\u0395S"):
        spoiled = changed(message, amount={"minor": "1", "currency": currency})
        yield Garbage(f"currency {currency!r}", spoiled)


def _odd_exchanges(message: Message) -> Iterator[Garbage]:
    """A deposit in another currency than it is paid in: amounts, rates and times that are none."""
    coin, at = {"minor": "52632", "currency": "BTC"}, CLOCK.now().isoformat()
    rates: list[Any] = [
        {"value": value, "source": "s", "as_of": at}
        for value in ("NaN", "-1", "1e9", "", "1.", "9" * 41, "\u0661", 1.5, None)
    ]
    rates += [
        {"value": "1", "source": "s", "as_of": "2026-01-01T00:00:00"},
        {"value": "1"},
        "1",
        [],
    ]
    name = "exchange" if isinstance(message, RequestDeposit) else "exchanged"
    for rate in rates:
        terms = {"amount": coin, "rate": rate, "expires_at": at}
        spoiled = terms if name == "exchange" else {"amount": coin, "parts": [terms]}
        yield Garbage(f"rate {rate!r}", changed(message, **{name: spoiled}))
    none: list[Any] = [{}, [], 7, "BTC", {"amount": {"minor": 52632.0, "currency": "BTC"}}]
    for value in none:
        yield Garbage(f"{name} {value!r}", changed(message, **{name: value}))


def _odd_charges(message: PaymentResult) -> Iterator[Garbage]:
    """A charge that belongs to no payment: without a cause, a fee, or the id that follows."""
    whole: dict[str, Any] = {
        "kind": "charged",
        "provider_reference": "tx1",
        "payment_id": str(charged_id(message.rail or message.method, "tx1")),
        "provider_fee": {"minor": "10", "currency": "BTC"},
        "charged": {"livemode": False, "cause": "sweep"},
    }
    spoiled: list[dict[str, Any]] = [
        {"payment_id": str(message.payment_id)},
        {"provider_reference": "tx2"},
        {"provider_fee": {"minor": "0", "currency": "BTC"}},
        {"provider_fee": {"minor": "-10", "currency": "BTC"}},
        {"provider_fee": None},
        {"charged": None},
        {"charged": {"livemode": False, "cause": ""}},
        {"charged": {"cause": "sweep"}},
        {"charged": {"livemode": False, "cause": "c" * 41}},
    ]
    for fields in spoiled:
        yield Garbage(f"charged, {fields!r}", changed(message, **{**whole, **fields}))
