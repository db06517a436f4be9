"""Evidence in which everything is right: deposits, payouts and a refund, one of them undecided.

One deposit is priced in dollars and paid in bitcoin, at 95,000 dollars."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from tests.chaos.clients.history import Said
from tests.chaos.evidence.facts import (
    Account,
    Attempt,
    Callback,
    Change,
    Entry,
    Event,
    Evidence,
    Hold,
    Leader,
    Movement,
    Notice,
    Payment,
    Price,
    Queued,
    Webhook,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SHOP, HOUSE = "m_shop:test", "house:test"
DEPOSIT, PAYOUT, FAILED, REFUND, CARD, UNKNOWN, PRICED = (str(UUID(int=n)) for n in range(1, 8))
FIRST_ATTEMPT = 101
OPERATIONS = {
    "stk": frozenset({"deposit"}),
    "charge": frozenset({"deposit"}),
    "payment": frozenset({"deposit"}),
    "b2c": frozenset({"withdrawal", "refund"}),
    "reversal": frozenset({"refund"}),
    "refund": frozenset({"refund"}),
    "refund_failed": frozenset[str](),
}
INCOMING = ("stk", "charge", "payment", "refund_failed")


def attempt_of(payment_id: str) -> str:
    return str(UUID(int=UUID(payment_id).int + FIRST_ATTEMPT - 1))


@dataclass
class Books:
    """Writes a journal."""

    entries: list[Entry] = field(default_factory=list)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    posted: dict[int, int] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    transactions: int = 0

    def post(self, kind: str, payment_id: str, *legs: tuple[str, str, int]) -> None:
        self.transactions += 1
        for seq, (tenant, code, amount) in enumerate(legs, start=1):
            number = self.numbers.setdefault((tenant, code), len(self.numbers) + 1)
            self.posted[number] = self.posted.get(number, 0) + amount
            self.versions[number] = self.versions.get(number, 0) + 1
            entry = Entry(
                tx=self.transactions, seq=seq, kind=kind, payment_id=payment_id, account=number,
                tenant=tenant, code=code, currency=code.rpartition(":")[2], amount=amount,
                balance_after=self.posted[number], account_version=self.versions[number],
            )  # fmt: skip
            self.entries.append(entry)

    def accounts(self) -> tuple[Account, ...]:
        return tuple(
            Account(
                account=number, tenant=tenant, code=code, currency=code.rpartition(":")[2],
                posted=self.posted[number], held=0, version=self.versions[number],
            )
            for (tenant, code), number in self.numbers.items()
        )  # fmt: skip


def sound() -> Evidence:
    books = _books()
    customer = books.numbers[SHOP, "customer:c1:KES"]
    return Evidence(
        taken_at=NOW,
        said=_said(),
        payments=_payments(),
        changes=_changes(),
        entries=tuple(books.entries),
        accounts=books.accounts(),
        holds=tuple(
            Hold(
                hold_id=number, payment_id=payment_id, account=customer, amount=amount,
                captured=amount if state == "captured" else None, state=state,
            )
            for number, (payment_id, amount, state) in enumerate(
                [(PAYOUT, 10_250, "captured"), (FAILED, 5_125, "released"),
                 (REFUND, 39_000, "captured")], start=1,
            )
        ),
        attempts=_attempts(),
        notices=(Notice(notice_id="n1", attempt_id=attempt_of(DEPOSIT), is_open=False),),
        webhooks=(Webhook(notice_id="n1", attempt_id=attempt_of(DEPOSIT), published=True),),
        movements=_movements(),
        callbacks=(Callback(attempt_id=attempt_of(DEPOSIT), number=1),),
        events=tuple(
            Event(payment_id=p, event_id=f"{p}.{version}", version=version, status=status)
            for p, told in _LIVES.items()
            for version, (_, status) in enumerate(told, start=2)
        ),
        taken={
            "pushes": {attempt_of(DEPOSIT): 1, attempt_of(UNKNOWN): 1},
            "payouts": {attempt_of(PAYOUT): 1, attempt_of(REFUND): 1},
        },
    )  # fmt: skip


def _payments() -> tuple[Payment, ...]:
    first = Payment(
        payment_id=DEPOSIT, merchant="m_shop", livemode=False, customer="c1", type="deposit",
        method="mpesa", rail="mpesa", status="completed", minor=100_000, currency="KES", fee=2_500,
        net=97_500, refunded=40_000, reference="RCPT000001", version=3,
    )  # fmt: skip
    plain = replace(first, refunded=0, reference=None)
    return (
        first,
        replace(
            plain, payment_id=PAYOUT, type="withdrawal", minor=10_000, fee=250, net=10_250,
            provider_fee=2_240,
        ),
        replace(
            plain, payment_id=FAILED, type="withdrawal", status="failed", minor=5_000, fee=125,
            net=5_125, version=2,
        ),
        replace(
            plain, payment_id=REFUND, type="refund", parent=DEPOSIT, minor=40_000, fee=1_000,
            net=39_000,
        ),
        replace(
            plain, payment_id=CARD, method="card", rail="card", minor=10_000, currency="USD",
            fee=320, net=9_680, provider_fee=320, reference="pi_1",
        ),
        replace(
            plain, payment_id=UNKNOWN, status="processing", minor=70_000, fee=1_750, net=68_250,
            version=2,
        ),
        replace(
            plain, payment_id=PRICED, method="bitcoin", rail="bitcoin", minor=5_000,
            currency="USD", fee=50, net=4_950, reference="tx:0", depth=3,
            price=Price(
                minor=52_632, currency="BTC", quoted=5_000, quoted_currency="USD",
                rate=Decimal(95_000),
            ),
        ),
    )  # fmt: skip


_PAID = [("action_required", "requires_action"), ("settled", "completed")]
_SENT = [("submitted", "processing"), ("settled", "completed")]
_LIVES = {
    DEPOSIT: _PAID,
    PAYOUT: _SENT,
    FAILED: [("declined", "failed")],
    REFUND: _SENT,
    CARD: _SENT,
    UNKNOWN: [("unknown", "processing")],
    PRICED: _PAID,
}


def _changes() -> tuple[Change, ...]:
    changes: list[Change] = []
    for payment_id, life in _LIVES.items():
        status: str | None = None
        for version, (kind, to) in enumerate([("accepted", "pending"), *life], start=1):
            result = f"{attempt_of(payment_id)}.{version - 1}" if version > 1 else None
            change = Change(
                seq=len(changes) + 1, payment_id=payment_id, version=version, kind=kind,
                from_status=status, to_status=to, result_id=result,
            )  # fmt: skip
            changes.append(change)
            status = to
    return tuple(changes)


_WORKERS = {CARD: "card", PRICED: "bitcoin"}


def _attempts() -> tuple[Attempt, ...]:
    done = tuple(
        Attempt(
            worker=_WORKERS.get(payment_id, "mpesa"), attempt_id=attempt_of(payment_id),
            payment_id=payment_id, operation="deposit", state="done", seq=len(life),
            next_check_at=None,
        )
        for payment_id, life in _LIVES.items()
    )  # fmt: skip
    later = NOW + timedelta(minutes=4)
    return tuple(
        replace(one, state="unknown", next_check_at=later) if one.payment_id == UNKNOWN else one
        for one in done
    )


def _movements() -> tuple[Movement, ...]:
    def moved(seq: int, kind: str, payment_id: str, amount: int, fee: int = 0) -> Movement:
        return Movement(
            seq=seq, provider="daraja", kind=kind, operations=OPERATIONS[kind],
            is_incoming=kind in INCOMING, amount=amount, currency="KES", fee=fee,
            fee_currency="KES", receipt=f"RCPT00000{seq}", names=frozenset({f"RCPT00000{seq}"}),
            attempt_id=attempt_of(payment_id),
        )  # fmt: skip

    charge = replace(
        moved(4, "charge", CARD, 10_000, 320), provider="stripe", currency="USD",
        fee_currency="USD", receipt="ch_1", names=frozenset({"ch_1", "pi_1"}), attempt_id=None,
        payment_id=CARD,
    )  # fmt: skip
    return (
        moved(1, "stk", DEPOSIT, 100_000),
        moved(2, "b2c", PAYOUT, 10_000, 2_240),
        moved(3, "b2c", REFUND, 40_000),
        charge,
        moved(5, "stk", UNKNOWN, 70_000),
        replace(
            moved(6, "payment", PRICED, 52_632), provider="bitcoin", currency="BTC",
            fee_currency="BTC", receipt="tx:0", names=frozenset({"tx:0", "tx"}), attempt_id=None,
            is_public=True, confirmations=3,
        ),
    )  # fmt: skip


def _books() -> Books:
    books = Books()
    provider, fees, customer = "provider:mpesa:KES", "fees:mpesa:KES", "customer:c1:KES"
    books.post(
        "settlement",
        DEPOSIT,
        (HOUSE, provider, 100_000),
        (SHOP, customer, -97_500),
        (HOUSE, fees, -2_500),
    )
    books.post(
        "settlement",
        PAYOUT,
        (HOUSE, provider, -10_000),
        (SHOP, customer, 10_250),
        (HOUSE, fees, -250),
    )
    books.post(
        "provider_fee",
        PAYOUT,
        (HOUSE, "provider-costs:mpesa:KES", 2_240),
        (HOUSE, provider, -2_240),
    )
    books.post(
        "settlement",
        REFUND,
        (HOUSE, provider, -40_000),
        (SHOP, customer, 39_000),
        (HOUSE, fees, 1_000),
    )
    books.post(
        "settlement",
        CARD,
        (HOUSE, "provider:card:USD", 10_000),
        (SHOP, "customer:c1:USD", -9_680),
        (HOUSE, "fees:card:USD", -320),
    )
    books.post(
        "provider_fee",
        CARD,
        (HOUSE, "provider-costs:card:USD", 320),
        (HOUSE, "provider:card:USD", -320),
    )
    books.post(
        "settlement",
        PRICED,
        (HOUSE, "provider:bitcoin:BTC", 52_632),
        (HOUSE, "liquidity:BTC", -52_632),
        (HOUSE, "liquidity:USD", 5_000),
        (SHOP, "customer:c1:USD", -4_950),
        (HOUSE, "fees:bitcoin:USD", -50),
    )
    return books  # fmt: skip


def _said() -> tuple[Said, ...]:
    answers: list[Said] = []
    for number, payment in enumerate(_payments()):
        answers.append(_accepted(number, payment))
    last = _payments()
    for number, payment in enumerate(last):
        shown = {"id": payment.payment_id, "status": payment.status, "version": payment.version}
        request = f"GET /payments/{payment.payment_id}"
        at = 100.0 + number
        answers.append(
            Said(at=at, began=at - 0.5, request=request, key=None, body=None, status=200,
                 answer=shown, merchant="shop")
        )  # fmt: skip
    return tuple(answers)


def _accepted(number: int, payment: Payment) -> Said:
    amount = text(payment.minor)
    body = {
        "type": payment.type, "method": payment.method, "amount": amount,
        "currency": payment.currency, "customer_id": payment.customer,
    }  # fmt: skip
    answer = {
        "id": payment.payment_id, "amount": amount, "currency": payment.currency,
        "fee": text(payment.fee), "net": text(payment.net), "status": "pending", "version": 1,
    }  # fmt: skip
    request = "POST /payments"
    if payment.parent:
        request, body = f"POST /payments/{payment.parent}/refunds", {"amount": amount}
    return Said(
        at=10.0 + number, began=9.5 + number, request=request, key=f"k{number}", body=body,
        status=202, answer=answer, merchant="shop",
    )  # fmt: skip


def text(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def queued(payment_id: str) -> Sequence[Queued]:
    return (Queued(schema="ledger", topic="payments.events", key=payment_id),)


def leaders(*processes: str) -> Sequence[Leader]:
    """Processes that say that they lead one role."""
    return tuple(Leader(role="relay:ledger", process=process) for process in processes)
