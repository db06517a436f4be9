"""What disputes and reversals took from us: each debit once, by PayPal's own movements."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.messaging.outcomes import Dispute
from cift_shared.money.amount import Money
from paypal_worker import dispute_mapping as rules
from paypal_worker import wire
from paypal_worker.dispute_mapping import COVERED, REPORTED, UNDONE

OWN = "0190d2a5-5d3e-7c43-9f0e-3f6a3c0f9a01"
OTHER = "0190d2a5-5d3e-7c43-9f0e-3f6a3c0f9a02"


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def movement(value: str, direction: str = "DEBIT", **over: Any) -> dict[str, Any]:
    return {
        "affected_party": "SELLER",
        "amount": {"currency_code": "USD", "value": value},
        "type": direction,
        "reason": "DISPUTE_SETTLEMENT",
        **over,
    }


def read(*movements: dict[str, Any], **over: Any) -> wire.Dispute:
    fields = {
        "dispute_id": "PP-D-1",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "reason": "UNAUTHORISED",
        "dispute_amount": {"currency_code": "USD", "value": "40.00"},
        "money_movements": list(movements),
        "seller_response_due_date": "2026-02-01T00:00:00.000Z",
        **over,
    }
    return wire.Dispute.model_validate(fields)


def resolved(code: str, *movements: dict[str, Any]) -> Dispute:
    outcome = {"outcome_code": code}
    return rules.dispute_of(read(*movements, status="RESOLVED", dispute_outcome=outcome))


class TestDispute:
    def test_an_inquiry_moves_nothing(self) -> None:
        told = rules.dispute_of(read(dispute_life_cycle_stage="INQUIRY"))
        assert (told.amount, told.withdrawn, told.reinstated, told.fee) == (
            usd(40_00),
            None,
            None,
            None,
        )
        assert told.evidence_due_by == datetime(2026, 2, 1, tzinfo=UTC)
        assert told.closed is None

    def test_the_disputed_amount_is_not_what_was_taken(self) -> None:
        assert rules.dispute_of(read(movement("15.00"))).withdrawn == usd(15_00)

    def test_totals_over_all_movements(self) -> None:
        told = rules.dispute_of(
            read(
                movement("15.00"),
                movement("25.00"),
                movement("40.00", "CREDIT"),
                movement("20.00", reason="CHARGEBACK_FEE"),
                movement("1.00", reason="DISPUTE_FEE"),
                movement("20.00", "CREDIT", reason="CHARGEBACK_FEE"),
            )
        )
        assert (told.withdrawn, told.reinstated) == (usd(40_00), usd(40_00))
        assert (told.fee, told.fee_reinstated) == (usd(21_00), usd(20_00))

    @pytest.mark.parametrize("party", ["BUYER", "PAYMENT_PROCESSOR", None, "SOMEBODY"])
    def test_the_money_of_others_is_not_ours(self, party: str | None) -> None:
        told = rules.dispute_of(read(movement("40.00", affected_party=party)))
        assert told.withdrawn is None

    @pytest.mark.parametrize("over", [{"reason": "MOON"}, {"type": "MOON"}, {"type": None}])
    def test_an_unknown_word_moves_nothing(self, over: dict[str, Any]) -> None:
        told = rules.dispute_of(read(movement("40.00", **over)))
        assert (told.withdrawn, told.reinstated, told.fee) == (None, None, None)

    def test_unknown_words_are_counted(self) -> None:
        odd = read(
            movement("1.00", reason="MOON"),
            movement("1.00", reason="MOON", affected_party="BUYER"),
            status="MOON",
            dispute_outcome={"outcome_code": "MOON"},
        )
        assert rules.unknown_words(odd) == [
            ("dispute", "MOON"),
            ("dispute outcome", "MOON"),
            ("movement", "MOON"),
        ]
        assert rules.unknown_words(read(movement("1.00"))) == []

    @pytest.mark.parametrize(
        ("code", "closed"),
        [
            ("RESOLVED_SELLER_FAVOUR", "won"),
            ("DENIED", "won"),
            ("RESOLVED_BUYER_FAVOUR", "lost"),
            ("ACCEPTED", "lost"),
            ("CANCELED_BY_BUYER", "canceled"),
            ("NONE", "canceled"),
            ("MOON", None),
        ],
    )
    def test_how_it_ended(self, code: str, closed: str | None) -> None:
        assert resolved(code).closed == closed

    def test_paid_by_paypal_itself(self) -> None:
        assert resolved("RESOLVED_WITH_PAYOUT").closed == "won"
        assert resolved("RESOLVED_WITH_PAYOUT", movement("40.00")).closed == "lost"
        back = movement("40.00", "CREDIT")
        assert resolved("RESOLVED_WITH_PAYOUT", movement("40.00"), back).closed == "won"

    def test_an_outcome_counts_only_when_it_is_resolved(self) -> None:
        told = rules.dispute_of(read(dispute_outcome={"outcome_code": "RESOLVED_BUYER_FAVOUR"}))
        assert told.closed is None

    @pytest.mark.parametrize(
        "fields",
        [
            {"dispute_amount": None},
            {"dispute_amount": {"currency_code": "USD", "value": "x"}},
            {"money_movements": [movement("x")]},
            {"money_movements": [movement("1.00", amount=None)]},
            {
                "money_movements": [
                    movement("1.00", amount={"currency_code": "EUR", "value": "1.00"})
                ]
            },
        ],
    )
    def test_what_can_not_be_read_is_not_told(self, fields: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r".+"):
            rules.dispute_of(read(**fields))

    @pytest.mark.parametrize("text", [None, "", "soon", "2026-02-01T00:00:00"])
    def test_without_a_date(self, text: str | None) -> None:
        assert rules.dispute_of(read(seller_response_due_date=text)).evidence_due_by is None


def dispute(minor: int | None, name: str = "PP-D-1") -> Dispute:
    taken = None if minor is None else usd(minor)
    return Dispute(name, "OPEN", "OTHER", usd(99_00), withdrawn=taken)


class TestCompared:
    def test_a_reversal_that_the_dispute_shows_is_covered(self) -> None:
        found = rules.compared([dispute(40_00)], {"R1": usd(40_00)}, {})
        assert found.covered == {"R1"}
        assert list(found.disputes) == [dispute(40_00)]

    @pytest.mark.parametrize("taken", [None, 39_99, 40_01])
    def test_another_amount_covers_nothing(self, taken: int | None) -> None:
        assert rules.compared([dispute(taken)], {"R1": usd(40_00)}, {}).covered == frozenset()

    def test_another_currency_covers_nothing(self) -> None:
        found = rules.compared([dispute(40_00)], {"R1": Money(40_00, "EUR")}, {})
        assert found.covered == frozenset()

    def test_one_debit_covers_one_reversal(self) -> None:
        found = rules.compared([dispute(40_00)], {"R1": usd(40_00), "R2": usd(40_00)}, {})
        assert len(found.covered) == 1
        later = rules.compared(
            [dispute(40_00)], {"R1": usd(40_00), "R2": usd(40_00)}, {"R1": COVERED}
        )
        assert later.covered == frozenset()

    def test_a_debit_that_was_reported_as_a_reversal_is_not_repeated(self) -> None:
        found = rules.compared([dispute(40_00)], {"R1": usd(40_00)}, {"R1": REPORTED})
        assert [one.withdrawn for one in found.disputes] == [None]
        assert found.covered == frozenset()

    def test_a_reversal_that_was_undone_hides_no_debit(self) -> None:
        found = rules.compared([dispute(40_00)], {"R1": usd(40_00)}, {"R1": UNDONE})
        assert [one.withdrawn for one in found.disputes] == [usd(40_00)]

    @given(
        debits=st.lists(st.integers(1, 3), max_size=4),
        reversals=st.lists(st.integers(1, 3), max_size=4),
        reported=st.integers(0, 4),
    )
    def test_each_debit_is_booked_once(
        self, debits: list[int], reversals: list[int], reported: int
    ) -> None:
        """The sum is what PayPal took, counting equal amounts of both lists once."""
        disputes = [dispute(minor, f"D{n}") for n, minor in enumerate(debits)]
        amounts = {f"R{n}": usd(minor) for n, minor in enumerate(reversals)}
        memory = dict.fromkeys(list(amounts)[:reported], REPORTED)
        found = rules.compared(disputes, amounts, memory)
        booked = [one.withdrawn.minor for one in found.disputes if one.withdrawn]
        booked += [
            amounts[name].minor for name in amounts if name in memory or name not in found.covered
        ]
        expected = []
        for amount in (1, 2, 3):
            expected += [amount] * max(debits.count(amount), reversals.count(amount))
        assert sorted(booked) == expected


class TestForeignRefunds:
    def test_ours_are_left_out(self) -> None:
        refunds = [
            wire.Refund.model_validate(
                {
                    "id": f"R{number}",
                    "status": "COMPLETED",
                    "amount": {"currency_code": "USD", "value": "1.00"},
                    "custom_id": custom_id,
                }
            )
            for number, custom_id in enumerate([None, "", OWN, OTHER])
        ]
        found = rules.foreign_refunds(refunds, OWN)
        assert list(found) == ["R0", "R1", "R2"]
        assert found["R0"] == (usd(1_00), "COMPLETED")

    def test_without_an_amount(self) -> None:
        with pytest.raises(ValueError, match="amount"):
            rules.foreign_refunds([wire.Refund(id="R1", status="COMPLETED")], OWN)
