"""What the records are said to cover has been asked for, whole, and late enough: after anything."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mpesa_worker.pull_window import Covered, Rules, Window, coverage_after, next_window

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
RULES = Rules(lag=timedelta(minutes=10), reach=timedelta(hours=47))
DAY = timedelta(days=1)
AGAIN = Rules(lag=DAY, reach=timedelta(hours=47), newest=DAY)

gaps = st.one_of(
    st.timedeltas(timedelta(0), timedelta(minutes=20)),
    st.timedeltas(timedelta(0), timedelta(hours=60)),
)
ends = st.sampled_from(["whole", "whole", "whole", "failed", "crashed", "nameless row"])


@dataclass
class Asked:
    """A look that was whole and in which every row named its account."""

    window: Window
    at: datetime


def live(
    steps: list[tuple[timedelta, str]], rules: Rules
) -> tuple[Covered, list[Asked], list[Window]]:
    covered, asked, windows, now = Covered(), [], [], START
    for gap, end in steps:
        now += gap
        window = next_window(covered, now, rules)
        windows.append(window)
        if end in ("failed", "crashed"):
            continue
        clean = end == "whole"
        if clean:
            asked.append(Asked(window, now))
        covered = coverage_after(covered, window, now, rules, all_named=clean)
    return covered, asked, windows


@given(st.lists(st.tuples(gaps, ends), max_size=30), st.sampled_from([RULES, AGAIN]))
def test_no_moment_is_covered_that_was_not_asked_for_after_the_lag(
    steps: list[tuple[timedelta, str]], rules: Rules
) -> None:
    covered, asked, _ = live(steps, rules)
    if covered.since is None or covered.until is None or covered.since == covered.until:
        return
    assert covered.since < covered.until
    stretches = sorted(
        (one.window.since, min(one.window.until, one.at - rules.lag)) for one in asked
    )
    reached = covered.since
    for since, until in stretches:
        if since <= reached:
            reached = max(reached, until)
    assert reached >= covered.until, "a gap between two looks counts as covered"


@given(st.lists(st.tuples(gaps, ends), min_size=1, max_size=30))
def test_the_next_look_begins_where_nothing_is_missed(steps: list[tuple[timedelta, str]]) -> None:
    covered, _, windows = live(steps, RULES)
    now = START + sum((gap for gap, _ in steps), timedelta(0))
    window = next_window(covered, now, RULES)
    assert window.since <= window.until <= now
    assert window.since >= now - RULES.reach
    if covered.until is not None and covered.until > now - RULES.reach:
        assert window.since < covered.until
    assert all(one.since <= one.until for one in windows)


@given(st.lists(gaps.filter(lambda gap: gap < timedelta(hours=40)), min_size=2, max_size=20))
def test_looks_without_trouble_make_one_stretch(gaps_between: list[timedelta]) -> None:
    covered, _, windows = live([(gap, "whole") for gap in gaps_between], RULES)
    now = START + sum(gaps_between, timedelta(0))
    assert covered.since == windows[0].since
    assert covered.until is not None
    assert covered.until >= now - RULES.lag


def test_a_row_without_account_ends_what_was_covered() -> None:
    covered = Covered(START - timedelta(hours=5), START - timedelta(hours=1))
    window = next_window(covered, START, RULES)
    assert coverage_after(covered, window, START, RULES, all_named=False) == Covered(START, START)


def test_after_a_standstill_beyond_the_reach_a_new_stretch_begins() -> None:
    covered = Covered(START - timedelta(days=9), START - timedelta(days=3))
    window = next_window(covered, START, RULES)
    after = coverage_after(covered, window, START, RULES, all_named=True)
    assert after == Covered(START - RULES.reach, START - RULES.lag)


def test_the_second_look_reads_what_is_a_day_old() -> None:
    window = next_window(Covered(), START, AGAIN)
    assert window == Window(START - AGAIN.reach, START - DAY)
    assert coverage_after(Covered(), window, START, AGAIN, all_named=True).until == START - DAY
