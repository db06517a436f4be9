"""The verifier finds what is wrong with reversals and disputes."""

from collections.abc import AsyncIterator

import pytest

from cift_shared.money.amount import Money
from ledger.verification.invariants import load_invariants, verify
from tests.integration.ledger.books import Books, Paid, open_books
from tests.integration.ledger.test_reversals import again, back
from tests.integration.ledger.test_verifier import break_books

pytestmark = pytest.mark.integration

CORRUPTIONS: list[tuple[str, str, set[str]]] = [
    (
        "a reversal was forgotten",
        "update ledger.payment set reversed_minor = 0",
        {"reversals_negate"},
    ),
    (
        "a part of a payment says that it came back",
        "update ledger.payment set reversed_minor = 7 where reversed_minor > 0",
        {"reversals_negate"},
    ),
    (
        "a reversal is not what was paid",
        """update ledger.entry set amount = amount * 2 where tx_id = (
               select min(tx_id) from ledger.ledger_tx where kind = 'reversal')""",
        {"reversals_negate", "balances_are_sums", "running_balances_chain"},
    ),
    (
        "a reinstatement is not what was reversed",
        """update ledger.entry set amount = amount * 2 where tx_id = (
               select tx_id from ledger.ledger_tx where kind = 'reinstatement')""",
        {
            "reversals_negate",
            "reinstatements_negate",
            "balances_are_sums",
            "running_balances_chain",
        },
    ),
    (
        "a reinstatement of no reversal",
        "update ledger.ledger_tx set ref = 'other' where kind = 'reinstatement'",
        {"reinstatements_negate"},
    ),
    (
        "a dispute forgot what was taken",
        "update ledger.dispute set withdrawn_minor = 0 where reference = 'D1'",
        {"disputes_match_journal", "disputed_money_is_open"},
    ),
    (
        "a dispute's fee was edited",
        "update ledger.dispute set fee_minor = fee_minor + 1 where reference = 'D1'",
        {"disputes_match_journal"},
    ),
    (
        "a payment forgot a dispute",
        "update ledger.payment set disputed_minor = 0",
        {"disputes_match_journal"},
    ),
    (
        "a posting for no dispute",
        "update ledger.ledger_tx set ref = 'other' where kind = 'dispute_fee'",
        {"disputes_match_journal"},
    ),
    (
        "a dispute was closed and its hold stays",
        "update ledger.dispute set closed = 'won' where reference = 'D1'",
        {"disputed_money_is_open"},
    ),
]


def disputed(paid: Paid, reference: str, seq: int, **news: object) -> object:
    """What a worker would say of a dispute."""
    amount = Money(4_000, "KES")
    known = {"status": "open", "reason": "fraudulent", "amount": amount, "withdrawn": amount}
    return paid.result("disputed", seq=seq, dispute={"reference": reference, **known, **news})


@pytest.fixture
async def books(database: str) -> AsyncIterator[Books]:
    """An open dispute, a lost one, and withdrawals that came back, one for a time."""
    async with open_books(database) as opened:
        first = await opened.settled_deposit(10_000, 250)
        second = await opened.settled_deposit(20_000, 250)
        out, other = await opened.withdrawal(4_000, 100), await opened.withdrawal(3_000, 100)
        told = [
            disputed(first, "D1", 20, fee=Money(15, "USD")),
            disputed(second, "D2", 20),
            disputed(second, "D2", 21, closed="lost"),
            out.result("settled", seq=9),
            out.result("reversed", seq=10, amount=Money(4_000, "KES"), provider_reference="B1"),
            other.result("settled", seq=9),
            back(other, "B2", 3_000),
            again(other, "B2", 3_000),
        ]
        assert await opened.apply(*told) == ["applied"] * len(told)
        yield opened


async def test_finds_every_corruption(books: Books) -> None:
    assert await books.broken() == set()
    found = {}
    async with books.admin.acquire() as connection:
        for story, statement, _ in CORRUPTIONS:
            undo = connection.transaction(isolation="repeatable_read")
            await undo.start()
            await break_books(connection, statement)
            findings = await verify(connection)
            found[story] = {finding.invariant.name for finding in findings if finding.violations}
            await undo.rollback()
    assert found == {story: expected for story, _, expected in CORRUPTIONS}


def test_every_invariant_has_a_corruption_that_breaks_it() -> None:
    broken = set().union(*(found for _, _, found in CORRUPTIONS))
    assert broken >= {invariant.name for invariant in load_invariants("invariants_aftermath.sql")}
