"""The checker against evidence with one thing wrong: it says so, and says no more than that."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.checks.checker import CHECKS, check
from tests.chaos.checks.finding import Kind
from tests.chaos.checks.postings import LONG_DEEP
from tests.chaos.clients.history import UNANSWERED
from tests.chaos.evidence.facts import Entry, Event, Evidence, Hold, Movement
from tests.unit.chaos.sound import (
    CARD,
    DEPOSIT,
    FAILED,
    NOW,
    PAYOUT,
    PRICED,
    REFUND,
    UNKNOWN,
    attempt_of,
    leaders,
    queued,
    sound,
)

Spoil = Callable[[Evidence], Evidence]


def test_sound_evidence_passes() -> None:
    verdict = check(sound())
    assert verdict.is_sound, verdict.told()
    assert (verdict.payments, verdict.open, verdict.indefinite) == (7, 1, 1)


def spoiled(name: str, place: int, **wrong: Any) -> Spoil:
    """Evidence in which one fact of a kind is another one."""

    def spoil(evidence: Evidence) -> Evidence:
        facts = list(getattr(evidence, name))
        facts[place] = replace(facts[place], **wrong)
        return replace(evidence, **{name: tuple(facts)})

    return spoil


def without(name: str, place: int) -> Spoil:
    """Evidence that lacks one fact."""

    def spoil(evidence: Evidence) -> Evidence:
        facts = list(getattr(evidence, name))
        del facts[place]
        return replace(evidence, **{name: tuple(facts)})

    return spoil


def beside(name: str, place: int, **other: Any) -> Spoil:
    """Evidence with one fact more, made from one that is there."""

    def spoil(evidence: Evidence) -> Evidence:
        facts = getattr(evidence, name)
        return replace(evidence, **{name: (*facts, replace(facts[place], **other))})

    return spoil


def given_as(**facts: Any) -> Spoil:
    """Evidence with other facts altogether."""
    return lambda evidence: replace(evidence, **facts)


def _of(payment_id: str) -> int:
    """The place of a payment, of its attempt and of its first answer."""
    return [p.payment_id for p in sound().payments].index(payment_id)


def _read(payment_id: str) -> int:
    return len(sound().payments) + _of(payment_id)


def _change(payment_id: str, version: int) -> int:
    places = [(c.payment_id, c.version) for c in sound().changes]
    return places.index((payment_id, version))


def _account(code: str) -> int:
    return [a.code for a in sound().accounts].index(code)


def _orphan(evidence: Evidence) -> Evidence:
    """Two balanced lines between a provider's account and ours that no payment explains."""
    first = evidence.entries[0]
    costs = next(e for e in evidence.entries if e.code.startswith("provider-costs:mpesa"))
    tx = evidence.entries[-1].tx + 1
    lines = [
        replace(first, tx=tx, payment_id=None, kind="reconciliation", amount=5),
        replace(costs, tx=tx, payment_id=None, kind="reconciliation", amount=-5),
    ]
    return _booked(evidence, lines)


def _booked(evidence: Evidence, lines: list[Entry]) -> Evidence:
    """Evidence with more lines in the journal, balances and all."""
    entries, accounts = list(evidence.entries), {a.account: a for a in evidence.accounts}
    for line in lines:
        was = accounts[line.account]
        now = replace(was, posted=was.posted + line.amount, version=was.version + 1)
        accounts[line.account] = now
        entries.append(replace(line, balance_after=now.posted, account_version=now.version))
    return replace(evidence, entries=tuple(entries), accounts=tuple(accounts.values()))


def _settled_again(evidence: Evidence) -> Evidence:
    tx = evidence.entries[-1].tx + 1
    lines = [
        replace(e, tx=tx) for e in evidence.entries
        if e.payment_id == CARD and e.kind == "settlement"
    ]  # fmt: skip
    return _booked(evidence, lines)


def _swapped(evidence: Evidence) -> Evidence:
    first, second, *rest = evidence.events
    return replace(evidence, events=(second, first, *rest))


def _never_settled(evidence: Evidence) -> Evidence:
    """A completed payment whose transactions the journal has under no payment's name."""
    entries = tuple(
        replace(e, payment_id=None, kind="correction") if e.payment_id == CARD else e
        for e in evidence.entries
    )
    return replace(evidence, entries=entries)


def _promised(evidence: Evidence) -> Evidence:
    """A customer who has promised more than there is."""
    spent = Hold(hold_id=9, payment_id=None, account=2, amount=50_000, captured=None, state="held")
    account = next(a for a in evidence.accounts if a.code == "customer:c1:KES")
    held = replace(spent, account=account.account)
    accounts = tuple(replace(a, held=50_000) if a is account else a for a in evidence.accounts)
    return replace(evidence, holds=(*evidence.holds, held), accounts=accounts)


def _refunded_too_much(evidence: Evidence) -> Evidence:
    """A refund under way that goes beyond the deposit, counted correctly."""
    more = replace(
        evidence.payments[_of(REFUND)], status="in_review", minor=70_000, version=3,
        payment_id=UNKNOWN,
    )  # fmt: skip
    payments = [p for p in evidence.payments if p.payment_id != UNKNOWN]
    payments[0] = replace(payments[0], refund_pending=70_000)
    return replace(evidence, payments=(*payments, more))


def _refused_and_silent(evidence: Evidence) -> Evidence:
    """A payout whose only two answers are a refusal of one copy and nothing for the other."""
    silent = beside("said", _of(PAYOUT), status=UNANSWERED, answer={})(evidence)
    refusal = {"code": "insufficient_funds"}
    return spoiled("said", _of(PAYOUT), status=422, answer=refusal)(silent)


def _asked(minor: int) -> Spoil:
    """The payer of the priced deposit was told to pay another amount, and has paid it."""

    def spoil(evidence: Evidence) -> Evidence:
        price = evidence.payments[_of(PRICED)].price
        assert price is not None
        priced = spoiled("payments", _of(PRICED), price=replace(price, minor=minor))
        return spoiled("movements", 5, amount=minor)(priced(evidence))

    return spoil


def _with_own_move(evidence: Evidence, *, fee: int, confirmations: int | None) -> Evidence:
    """The provider's book has a move of our own money."""
    own: dict[str, Any] = {
        "attempt_id": None,
        "payment_id": None,
        "names": frozenset(),
        "receipt": "own",
        "confirmations": confirmations,
    }
    move = replace(evidence.movements[0], kind="move", amount=0, fee=fee, **own)
    return replace(evidence, movements=(*evidence.movements, move))


def _moved_for_nothing(evidence: Evidence) -> Evidence:
    """Such a move, whose fee is not posted."""
    return _with_own_move(evidence, fee=5, confirmations=LONG_DEEP)


def _moved_our_own(evidence: Evidence, *, fee: int, booked: int) -> Evidence:
    """The provider's book has a move of our own money; the journal has its fee."""
    first = evidence.entries[0]
    costs = next(e for e in evidence.entries if e.code.startswith("provider-costs:mpesa"))
    tx = evidence.entries[-1].tx + 1
    lines = [
        replace(first, tx=tx, payment_id=None, kind="provider_fee", amount=-booked),
        replace(costs, tx=tx, payment_id=None, kind="provider_fee", amount=booked),
    ]
    return _booked(_with_own_move(evidence, fee=fee, confirmations=None), lines)


_LATE = NOW - timedelta(minutes=1)
_FAR = NOW + timedelta(days=1)

CASES: list[tuple[str, Kind, Spoil]] = [
    ("accepted_payments_exist", Kind.LOST, without("payments", _of(UNKNOWN))),
    ("accepted_payments_exist", Kind.LOST, spoiled("payments", _of(UNKNOWN), customer="c2")),
    ("accepted_payments_are_found", Kind.LOST, spoiled("said", _read(UNKNOWN), status=404)),
    ("one_key_is_one_payment", Kind.DOUBLE, spoiled("said", _of(UNKNOWN), key="k0")),
    (
        "one_key_is_one_payment", Kind.LOST,
        beside("said", _of(UNKNOWN), merchant="other", key="k9"),
    ),
    (
        "refused_keys_stay_refused", Kind.ILLEGAL_STATE,
        beside("said", _of(PAYOUT), status=422, answer={"code": "insufficient_funds"}),
    ),
    (
        "refused_keys_stay_refused", Kind.ILLEGAL_STATE,
        beside("said", _of(REFUND), status=409, answer={"code": "not_refundable"}),
    ),
    ("no_more_than_asked", Kind.DOUBLE, beside("payments", _of(FAILED), payment_id="x")),
    ("no_more_than_asked", Kind.DOUBLE, _refused_and_silent),
    ("no_more_than_asked", Kind.DOUBLE, spoiled("said", _of(UNKNOWN), status=422)),
    (
        "reads_never_go_back", Kind.STALE_READ,
        beside("said", _read(DEPOSIT), at=200.0, began=199.0,
               answer={"id": DEPOSIT, "status": "requires_action", "version": 2}),
    ),
    (
        "reads_never_go_back", Kind.STALE_READ,
        beside("said", _read(DEPOSIT), at=200.0, began=199.0,
               request=f"POST /payments/{DEPOSIT}/verify",
               answer={"id": DEPOSIT, "status": "requires_action", "version": 2}),
    ),
    ("movements_are_ours", Kind.LOST, spoiled("movements", 4, attempt_id="somebody's")),
    ("movements_are_ours", Kind.LOST, spoiled("movements", 4, operations=frozenset({"refund"}))),
    ("movements_are_known", Kind.LOST, beside("movements", 1, attempt_id=attempt_of(FAILED))),
    ("completed_has_moved", Kind.UNBALANCED, without("movements", 0)),
    ("completed_has_moved", Kind.UNBALANCED, spoiled("movements", 0, amount=90_000)),
    ("completed_has_moved", Kind.UNBALANCED, spoiled("payments", _of(PRICED), minor=5_001)),
    ("completed_has_moved", Kind.UNBALANCED, spoiled("movements", 5, currency="USD")),
    ("prices_are_fair", Kind.UNBALANCED, _asked(52_631)),
    ("prices_are_fair", Kind.UNBALANCED, _asked(52_633)),
    ("completed_is_deep", Kind.ILLEGAL_STATE, spoiled("movements", 5, confirmations=2)),
    ("withdrawals_stay_within_caps", Kind.LOST, spoiled("payments", _of(PAYOUT), cap=9_999)),
    ("one_effect_a_command", Kind.DOUBLE, beside("movements", 4, receipt="other")),
    ("one_request_taken", Kind.DOUBLE, given_as(taken={"pushes": {attempt_of(UNKNOWN): 2}})),
    ("one_request_taken", Kind.DOUBLE, given_as(taken={"payouts": {attempt_of(PAYOUT): 2}})),
    (
        "one_attempt_a_payment", Kind.DOUBLE,
        beside("attempts", _of(UNKNOWN), attempt_id="another", seq=0),
    ),
    (
        "one_payment_a_reference", Kind.DOUBLE,
        spoiled("payments", _of(PAYOUT), reference="RCPT000001"),
    ),
    (
        "one_payment_a_reference", Kind.UNBALANCED,
        spoiled("payments", _of(PAYOUT), reference="RCPT999999"),
    ),
    ("transactions_sum_to_zero", Kind.UNBALANCED, spoiled("entries", 0, amount=99_999)),
    ("balances_are_sums", Kind.UNBALANCED, spoiled("entries", 0, balance_after=1)),
    ("balances_are_sums", Kind.UNBALANCED, spoiled("accounts", 0, version=9)),
    ("everything_sums_to_zero", Kind.UNBALANCED, spoiled("accounts", 0, posted=1)),
    ("held_is_open_holds", Kind.UNBALANCED, spoiled("accounts", 0, held=1)),
    ("nobody_is_overdrawn", Kind.UNBALANCED, _promised),
    ("holds_follow_payments", Kind.UNBALANCED, spoiled("holds", 0, captured=10_000)),
    ("holds_follow_payments", Kind.UNBALANCED, spoiled("holds", 1, state="expired")),
    ("holds_follow_payments", Kind.UNBALANCED, without("holds", 0)),
    ("refunds_stay_within", Kind.UNBALANCED, spoiled("payments", 0, refunded=39_999)),
    ("refunds_stay_within", Kind.UNBALANCED, _refunded_too_much),
    ("one_posting_a_success", Kind.DOUBLE, _settled_again),
    ("one_posting_a_success", Kind.UNBALANCED, _never_settled),
    ("settlements_follow_the_book", Kind.UNBALANCED, spoiled("payments", 0, fee=2_000)),
    (
        "providers_hold_what_the_books_say", Kind.UNBALANCED,
        spoiled("movements", 1, fee=2_000),
    ),
    ("providers_hold_nothing_else", Kind.UNBALANCED, _orphan),
    ("own_moves_are_charged", Kind.UNBALANCED, _moved_for_nothing),
    ("reversed_is_what_was_posted", Kind.UNBALANCED, spoiled("payments", 0, reversed=1)),
    (
        "histories_are_paths", Kind.ILLEGAL_STATE,
        spoiled("changes", _change(DEPOSIT, 2), to_status="canceled"),
    ),
    (
        "histories_are_paths", Kind.ILLEGAL_STATE,
        spoiled("changes", _change(DEPOSIT, 1), to_status="processing"),
    ),
    ("versions_grow_by_one", Kind.ILLEGAL_STATE, spoiled("payments", _of(UNKNOWN), version=3)),
    (
        "versions_grow_by_one", Kind.ILLEGAL_STATE,
        spoiled("changes", _change(DEPOSIT, 2), disposition="noted"),
    ),
    (
        "results_count_once", Kind.DOUBLE,
        beside("changes", _change(DEPOSIT, 3), seq=99, disposition="duplicate", to_status=None),
    ),
    (
        "answers_were_true", Kind.ILLEGAL_STATE,
        spoiled("said", _read(UNKNOWN),
                answer={"id": UNKNOWN, "status": "failed", "version": 2}),
    ),
    (
        "ends_are_ends_for_the_worker", Kind.ILLEGAL_STATE,
        spoiled("attempts", _of(DEPOSIT), state="waiting",
                next_check_at=NOW + timedelta(seconds=9)),
    ),
    ("results_have_arrived", Kind.LOST, spoiled("attempts", _of(DEPOSIT), seq=3)),
    ("webhooks_have_arrived", Kind.LOST, given_as(webhooks=())),
    ("webhooks_have_arrived", Kind.LOST, given_as(notices=())),
    ("outboxes_are_empty", Kind.STUCK, given_as(queued=queued(DEPOSIT))),
    ("one_process_leads", Kind.DOUBLE, given_as(leaders=leaders("ledger", "ledger-2"))),
    (
        "attempts_have_a_next_check", Kind.STUCK,
        spoiled("attempts", _of(UNKNOWN), next_check_at=_LATE),
    ),
    (
        "attempts_have_a_next_check", Kind.STUCK,
        spoiled("attempts", _of(UNKNOWN), next_check_at=_FAR),
    ),
    (
        "attempts_have_a_next_check", Kind.STUCK,
        spoiled("attempts", _of(UNKNOWN), next_check_at=None),
    ),
    ("open_payments_are_worked_on", Kind.STUCK, without("attempts", _of(UNKNOWN))),
    (
        "open_payments_are_worked_on", Kind.STUCK,
        spoiled("attempts", _of(UNKNOWN), state="done", next_check_at=None),
    ),
    ("open_payments_are_worked_on", Kind.STUCK, spoiled("payments", _of(UNKNOWN), swept=False)),
    ("notices_are_taken_in", Kind.STUCK, spoiled("notices", 0, is_open=True)),
    ("every_change_is_told", Kind.EVENTS, without("events", 0)),
    ("every_change_is_told", Kind.EVENTS, spoiled("events", 0, status="processing")),
    ("every_change_is_told", Kind.EVENTS, _swapped),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "spoil"), CASES)
def test_what_is_wrong_is_found(name: str, kind: Kind, spoil: Spoil) -> None:
    verdict = check(spoil(sound()))
    assert (name, kind) in {(finding.by, finding.kind) for finding in verdict.findings}
    assert verdict.counts()[kind] > 0


def test_every_check_has_a_case() -> None:
    assert {name for name, _, _ in CASES} == {each.__name__ for each in CHECKS}


ALONE = {
    "refused_keys_stay_refused", "reads_never_go_back", "one_request_taken",
    "one_attempt_a_payment", "held_is_open_holds", "nobody_is_overdrawn", "completed_is_deep",
    "providers_hold_nothing_else", "own_moves_are_charged", "reversed_is_what_was_posted",
    "results_count_once", "ends_are_ends_for_the_worker", "results_have_arrived",
    "webhooks_have_arrived", "outboxes_are_empty", "attempts_have_a_next_check",
    "notices_are_taken_in", "every_change_is_told", "withdrawals_stay_within_caps",
}  # fmt: skip
"""Checks whose subject no other check looks at."""


@pytest.mark.parametrize(
    ("name", "spoil"), [(name, spoil) for name, _, spoil in CASES if name in ALONE]
)
def test_nothing_else_is_found(name: str, spoil: Spoil) -> None:
    assert {finding.by for finding in check(spoil(sound())).findings} == {name}


def test_a_move_that_is_not_long_deep_may_be_posted_later() -> None:
    for confirmations, is_sound in ((None, True), (LONG_DEEP - 1, True), (LONG_DEEP, False)):
        moved = _with_own_move(sound(), fee=5, confirmations=confirmations)
        assert check(moved).is_sound is is_sound


def test_the_fee_of_a_move_of_our_own_money_is_no_finding() -> None:
    assert check(_moved_our_own(sound(), fee=5, booked=5)).is_sound
    wrong = check(_moved_our_own(sound(), fee=5, booked=6)).findings
    assert {finding.by for finding in wrong} == {"providers_hold_nothing_else"}


def test_a_move_that_brings_money_is_nobodys() -> None:
    brought = beside("movements", 0, kind="move", amount=7, attempt_id=None, payment_id=None)
    findings = check(brought(sound())).findings
    assert "movements_are_ours" in {finding.by for finding in findings}


def test_a_repeated_event_is_no_finding() -> None:
    evidence = sound()
    again: tuple[Event, ...] = (*evidence.events, evidence.events[0])
    assert check(replace(evidence, events=again)).is_sound


def test_a_refusal_for_now_is_no_finding() -> None:
    """With 503 nothing is stored under the key: its repeat may be accepted."""
    for_now = {"status": 503, "answer": {"code": "rate_unavailable"}}
    assert check(beside("said", _of(PAYOUT), **for_now)(sound())).is_sound


def test_a_replayed_answer_is_no_finding() -> None:
    assert check(beside("said", _of(DEPOSIT), at=300.0, began=299.0)(sound())).is_sound


def test_money_of_a_payment_under_way_is_no_finding() -> None:
    """The provider is ahead of us there; so it is without that movement, too."""
    assert check(without("movements", 4)(sound())).is_sound


def test_an_unanswered_order_may_have_made_a_payment_or_not() -> None:
    made = spoiled("said", _of(UNKNOWN), status=0, at=float("inf"), answer={})
    assert check(made(sound())).is_sound
    not_made = beside("said", _of(UNKNOWN), status=0, at=float("inf"), answer={}, key="k9")
    assert check(not_made(sound())).is_sound


_AMOUNTS = [
    (name, place, field.name)
    for name in ("payments", "entries", "accounts", "holds", "movements")
    for place, fact in enumerate(getattr(sound(), name))
    for field in fields(fact)
    if field.name in {"minor", "fee", "net", "amount", "balance_after", "posted", "captured",
                      "refunded", "refund_pending", "reversed", "held"}
    and getattr(fact, field.name) is not None
    # what the provider moves for a payment that is under way is not known to us yet
    and not (isinstance(fact, Movement) and fact.attempt_id == attempt_of(UNKNOWN))
]  # fmt: skip


@given(st.sampled_from(_AMOUNTS), st.integers(-200_000, 200_000).filter(bool))
def test_any_spoiled_amount_is_found(place: tuple[str, int, str], change: int) -> None:
    name, number, amount = place
    evidence = sound()
    was = getattr(getattr(evidence, name)[number], amount)
    assert not check(spoiled(name, number, **{amount: was + change})(evidence)).is_sound


def test_what_is_paid_beside_the_quoted_amount_counts_at_the_rate() -> None:
    """Less is worth its own amount, rounded down; more is worth the quoted amount at least."""
    for paid, credited in ((26_316, 2_500), (26_315, 2_499), (60_000, 5_699)):
        priced = spoiled("payments", _of(PRICED), minor=credited, net=credited - 50)
        evidence = spoiled("movements", 5, amount=paid)(priced(sound()))
        assert "completed_has_moved" not in {found.by for found in check(evidence).findings}
        short = spoiled("payments", _of(PRICED), minor=min(credited - 1, 4_999))(evidence)
        assert "completed_has_moved" in {found.by for found in check(short).findings}


@pytest.mark.parametrize("can", [True, False])
def test_what_was_sent_is_canceled_only_where_the_provider_can_cancel(*, can: bool) -> None:
    evidence = sound()
    life = [c for c in evidence.changes if c.payment_id == UNKNOWN]
    end = replace(
        life[-1], seq=99, version=3, kind="canceled", from_status="processing",
        to_status="canceled", result_id=None,
    )  # fmt: skip
    canceled = replace(
        evidence.payments[_of(UNKNOWN)], status="canceled", version=3, cancels_after_submit=can
    )
    others = tuple(p for p in evidence.payments if p.payment_id != UNKNOWN)
    evidence = replace(evidence, payments=(*others, canceled), changes=(*evidence.changes, end))
    found = {finding.by for finding in check(evidence).findings}
    assert ("histories_are_paths" in found) is not can


@pytest.mark.parametrize("received", [True, False])
def test_money_that_no_order_asked_for_begins_with_its_end(*, received: bool) -> None:
    evidence = sound()
    payment = evidence.payments[_of(DEPOSIT)]
    life = [c for c in evidence.changes if c.payment_id == DEPOSIT]
    told = next(event for event in evidence.events if event.payment_id == DEPOSIT)
    credit = replace(
        life[0], kind="received", from_status=None, to_status="completed", result_id=None
    )
    others = {
        name: tuple(one for one in getattr(evidence, name) if one.payment_id != DEPOSIT)
        for name in ("payments", "changes", "events")
    }
    evidence = replace(
        evidence,
        payments=(*others["payments"], replace(payment, version=1, received=received)),
        changes=(*others["changes"], replace(credit, seq=99, version=1)),
        events=(*others["events"], replace(told, version=1, status="completed")),
        said=tuple(one for one in evidence.said if one.answer.get("id") != DEPOSIT),
    )
    found = {finding.by for finding in check(evidence).findings}
    wrong = {"no_more_than_asked", "histories_are_paths", "every_change_is_told"}
    assert found & wrong == (set() if received else wrong)
