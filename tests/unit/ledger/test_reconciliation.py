"""Every line and every item lands in one class, whatever the order, and the sums add up."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cift_shared.rails.statements import ProviderLine
from ledger.reconciliation.matching import BookItem, Group, Verdict, Window, reconcile

DAY = datetime(2026, 3, 1, tzinfo=UTC)
NOON = DAY + timedelta(hours=12)
WINDOW = Window(DAY, DAY + timedelta(days=1), timedelta(minutes=15), follows=False)


def line(name: str, gross: int, **more: Any) -> ProviderLine:
    told: dict[str, Any] = {
        "external_id": name,
        "kind": "payment",
        "at": NOON,
        "gross": gross,
        "currency": "KES",
        "references": (name,),
    }
    return ProviderLine(**{**told, **more})


def item(name: str, gross: int, *references: str, **more: Any) -> BookItem:
    told: dict[str, Any] = {
        "item_id": name,
        "at": NOON,
        "gross": gross,
        "fee": 0,
        "currency": "KES",
        "references": references,
    }
    return BookItem(**{**told, **more})


def verdicts(groups: list[Group]) -> dict[str, Verdict]:
    return {group.names[0]: group.verdict for group in groups}


class TestOneSettlement:
    def test_equal_amounts_match(self) -> None:
        [group] = reconcile([line("R1", 10_000)], [item("p1", 10_000, "R1")], WINDOW)
        assert (group.verdict, group.difference) == (Verdict.MATCHED, 0)

    def test_a_charge_on_a_line_of_its_own_belongs_to_its_receipt(self) -> None:
        lines = [line("R1", -40_000), line("R1:charge", 0, fee=2_240, references=("R1",))]
        [group] = reconcile(lines, [item("p1", -40_000, "R1", fee=2_240)], WINDOW)
        assert (group.verdict, group.theirs) == (Verdict.MATCHED, -42_240)

    def test_a_charge_we_never_heard_of_is_a_difference(self) -> None:
        lines = [line("R1", -40_000), line("R1:charge", 0, fee=2_240, references=("R1",))]
        [group] = reconcile(lines, [item("p1", -40_000, "R1")], WINDOW)
        assert (group.verdict, group.difference) == (Verdict.AMOUNT_MISMATCH, -2_240)

    def test_another_amount_is_a_mismatch(self) -> None:
        [group] = reconcile([line("R1", 9_000)], [item("p1", 10_000, "R1")], WINDOW)
        assert (group.verdict, group.difference) == (Verdict.AMOUNT_MISMATCH, -1_000)

    def test_the_same_reference_in_another_currency_is_another_matter(self) -> None:
        groups = reconcile([line("R1", 10_000)], [item("p1", 10_000, "R1", currency="USD")], WINDOW)
        assert {group.verdict for group in groups} == {
            Verdict.MISSING_HERE,
            Verdict.MISSING_THERE,
        }


class TestManyToMany:
    def test_one_line_covers_several_payments(self) -> None:
        paid_out = line("batch", 30_000, references=("R1", "R2", "R3"))
        items = [item(f"p{n}", 10_000, f"R{n}") for n in (1, 2, 3)]
        [group] = reconcile([paid_out], items, WINDOW)
        assert (group.verdict, len(group.items)) == (Verdict.MATCHED, 3)

    def test_several_lines_for_one_payment(self) -> None:
        lines = [line("R1", 6_000), line("R2", 4_000)]
        [group] = reconcile(lines, [item("p1", 10_000, "R1", "R2")], WINDOW)
        assert group.verdict == Verdict.MATCHED


class TestHints:
    def test_find_a_payment_whose_receipt_we_never_learned(self) -> None:
        paid = line("R1", 10_000, hints=("account ABC",))
        [group] = reconcile([paid], [item("p1", 10_000, hints=("account ABC",))], WINDOW)
        assert group.verdict == Verdict.MATCHED

    def test_do_not_count_where_we_know_another_receipt(self) -> None:
        paid_twice = [line(name, 10_000, hints=("account ABC",)) for name in ("R1", "R2")]
        ours = item("p1", 10_000, "R1", hints=("account ABC",))
        assert verdicts(reconcile(paid_twice, [ours], WINDOW)) == {
            "R1": Verdict.MATCHED,
            "R2": Verdict.MISSING_HERE,
        }

    def test_do_not_join_lines_among_themselves(self) -> None:
        lines = [line("R1", 10_000), line("R2", -10_000, hints=("linked R0",))]
        more = line("R3", -500, hints=("linked R0",))
        groups = reconcile([*lines, more], [], WINDOW)
        assert [group.verdict for group in groups] == [Verdict.MISSING_HERE] * 3


class TestMissing:
    def test_on_either_side(self) -> None:
        groups = reconcile([line("R1", 10_000)], [item("p2", -500, "R2")], WINDOW)
        assert verdicts(groups) == {"R1": Verdict.MISSING_HERE, "R2": Verdict.MISSING_THERE}
        assert [group.difference for group in groups] == [10_000, 500]

    def test_what_is_fresh_is_in_transit(self) -> None:
        late = WINDOW.until - timedelta(minutes=14)
        groups = reconcile([line("R1", 1, at=late)], [item("p2", 1, "R2", at=late)], WINDOW)
        assert {group.verdict for group in groups} == {Verdict.IN_TRANSIT}

    def test_what_the_former_run_left_in_transit_is_judged_by_the_next(self) -> None:
        tomorrow = Window(WINDOW.until, WINDOW.until + timedelta(days=1), WINDOW.tolerance, True)
        left = line("R1", 1, at=WINDOW.until - timedelta(minutes=14))
        [group] = reconcile([left], [], tomorrow)
        assert group.verdict == Verdict.MISSING_HERE

    def test_a_first_run_does_not_miss_lines_of_the_statement_before(self) -> None:
        early = item("p1", 1, "R1", at=DAY + timedelta(minutes=1))
        [group] = reconcile([], [early], WINDOW)
        assert group.verdict == Verdict.IN_TRANSIT

    def test_what_lies_outside_as_a_whole_is_left_out(self) -> None:
        outside = [line("R1", 1, at=DAY - timedelta(days=2))]
        assert reconcile(outside, [], WINDOW) == []

    def test_what_reaches_inside_finds_its_other_side_outside(self) -> None:
        ours = item("p1", 1, "R1", at=WINDOW.until + timedelta(minutes=3))
        [group] = reconcile([line("R1", 1)], [ours], WINDOW)
        assert group.verdict == Verdict.MATCHED


NAMES = st.sampled_from(["A", "B", "C", "D", "E", "F"])
AMOUNTS = st.integers(-3, 3)
MINUTES = st.integers(0, 24 * 60 - 1).map(lambda n: DAY + timedelta(minutes=n))
CURRENCIES = st.sampled_from(["KES", "USD"])
HINTS = st.lists(st.sampled_from(["account X", "linked Y"]), max_size=1).map(tuple)
LINES = st.lists(
    st.builds(
        ProviderLine,
        external_id=st.uuids().map(str),
        kind=st.just("payment"),
        at=MINUTES,
        gross=AMOUNTS,
        fee=AMOUNTS,
        currency=CURRENCIES,
        references=st.lists(NAMES, min_size=1, max_size=2).map(tuple),
        hints=HINTS,
    ),
    max_size=8,
)
ITEMS = st.lists(
    st.builds(
        BookItem,
        item_id=st.uuids().map(str),
        at=MINUTES,
        gross=AMOUNTS,
        fee=AMOUNTS,
        currency=CURRENCIES,
        references=st.lists(NAMES, max_size=2).map(tuple),
        hints=HINTS,
    ),
    max_size=8,
    unique_by=lambda entry: entry.item_id,
)


class TestAlways:
    @given(LINES, ITEMS)
    def test_everything_is_in_exactly_one_group(
        self, lines: list[ProviderLine], items: list[BookItem]
    ) -> None:
        groups = reconcile(lines, items, WINDOW)
        told = sorted(told.external_id for group in groups for told in group.lines)
        ours = sorted(ours.item_id for group in groups for ours in group.items)
        assert told == sorted(told.external_id for told in lines)
        assert ours == sorted(ours.item_id for ours in items)

    @given(LINES, ITEMS)
    def test_differences_sum_to_the_difference_of_the_sides(
        self, lines: list[ProviderLine], items: list[BookItem]
    ) -> None:
        groups = reconcile(lines, items, WINDOW)
        total = sum(told.net for told in lines) - sum(ours.net for ours in items)
        assert sum(group.difference for group in groups) == total
        for group in groups:
            assert (group.verdict == Verdict.MATCHED) == (
                bool(group.lines and group.items) and group.difference == 0
            )

    @given(LINES, ITEMS, st.integers())
    def test_the_order_of_the_input_changes_nothing(
        self, lines: list[ProviderLine], items: list[BookItem], seed: int
    ) -> None:
        groups = reconcile(lines, items, WINDOW)
        shuffled_lines, shuffled_items = list(lines), list(items)
        Random(seed).shuffle(shuffled_lines)
        Random(seed + 1).shuffle(shuffled_items)
        assert reconcile(shuffled_lines, shuffled_items, WINDOW) == groups

    @given(LINES)
    def test_two_equal_sides_have_no_drift(self, lines: list[ProviderLine]) -> None:
        items = [
            item(told.external_id, told.gross, *told.references, fee=told.fee,
                 currency=told.currency, at=told.at)
            for told in lines
        ]  # fmt: skip
        assert {group.verdict for group in reconcile(lines, items, WINDOW)} <= {Verdict.MATCHED}


MINUTE = timedelta(minutes=1)
UNTIL = WINDOW.until
FOLLOWS = Window(DAY, UNTIL, timedelta(minutes=15), follows=True)


class TestTheEdgesOfTheWindow:
    """`since` is in, `until` is not; a run that follows looks at the stretch before it again."""

    EDGES = (
        (WINDOW, DAY, True),
        (WINDOW, DAY - timedelta(microseconds=1), False),
        (WINDOW, UNTIL - timedelta(microseconds=1), True),
        (WINDOW, UNTIL, False),
        (FOLLOWS, DAY - 15 * MINUTE, True),
        (FOLLOWS, DAY - 15 * MINUTE - timedelta(microseconds=1), False),
        (FOLLOWS, UNTIL, False),
    )

    def test_what_is_judged(self) -> None:
        for window, at, judged in self.EDGES:
            for groups in (
                reconcile([line("R1", 100, at=at)], [], window),
                reconcile([], [item("p1", 100, "R1", at=at)], window),
            ):
                assert bool(groups) is judged
        assert "a text" not in WINDOW

    def test_what_stands_alone_shortly_before_the_end_is_in_transit(self) -> None:
        for at, verdict in (
            (UNTIL - 15 * MINUTE, Verdict.IN_TRANSIT),
            (UNTIL - 15 * MINUTE - timedelta(microseconds=1), Verdict.MISSING_HERE),
        ):
            [group] = reconcile([line("R1", 100, at=at)], [], WINDOW)
            assert group.verdict is verdict

    def test_an_item_right_at_the_start_may_have_its_line_in_the_statement_before(self) -> None:
        early = DAY + 15 * MINUTE - timedelta(microseconds=1)
        for window, at, verdict in (
            (WINDOW, early, Verdict.IN_TRANSIT),
            (WINDOW, DAY + 15 * MINUTE, Verdict.MISSING_THERE),
            (FOLLOWS, early, Verdict.MISSING_THERE),
        ):
            [group] = reconcile([], [item("p1", 100, "R1", at=at)], window)
            assert group.verdict is verdict

    def test_a_line_at_the_start_is_missing_here(self) -> None:
        [group] = reconcile([line("R1", 100, at=DAY)], [], WINDOW)
        assert group.verdict is Verdict.MISSING_HERE

    def test_a_group_is_in_transit_only_as_a_whole(self) -> None:
        lines = [line("R1", 100), line("R1:fee", 0, fee=1, references=("R1",), at=UNTIL - MINUTE)]
        [group] = reconcile(lines, [], WINDOW)
        assert group.verdict is Verdict.MISSING_HERE


def test_the_words_of_verdicts_are_those_in_the_books() -> None:
    assert [str(verdict) for verdict in Verdict] == [
        "matched", "amount_mismatch", "missing_here", "missing_there", "in_transit",
    ]  # fmt: skip


def test_another_currency_is_another_matter() -> None:
    groups = reconcile([line("R1", 100, currency="USD")], [item("p1", 100, "R1")], WINDOW)
    assert [(group.currency, group.verdict) for group in groups] == [
        ("KES", Verdict.MISSING_THERE), ("USD", Verdict.MISSING_HERE),
    ]  # fmt: skip


def test_a_hint_joins_only_what_has_no_reference_of_its_own() -> None:
    hinted = line("R1", 100, hints=("h1",))
    [joined] = reconcile([hinted], [item("p1", 100, hints=("h1",))], WINDOW)
    assert joined.verdict is Verdict.MATCHED
    apart = reconcile([hinted], [item("p1", 100, "R2", hints=("h1",))], WINDOW)
    assert {group.verdict for group in apart} == {Verdict.MISSING_HERE, Verdict.MISSING_THERE}


def test_a_fee_lowers_what_a_payment_brought() -> None:
    [group] = reconcile([line("R1", 100, fee=3)], [item("p1", 100, "R1", fee=5)], WINDOW)
    assert (group.theirs, group.ours, group.difference) == (97, 95, 2)
    assert group.names == ("R1", "p1")
