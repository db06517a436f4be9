import xml.etree.ElementTree as ET

from tests.bench.plot import HEIGHT, cdf, chart, picture, rate_over_time
from tests.bench.profile import hottest, table
from tests.bench.report import AIMS, Aim, figure_lines, rounded


def test_an_aim_is_met_at_its_limit():
    assert Aim(25, at_least=False).met(25)
    assert not Aim(25, at_least=False).met(25.1)
    assert Aim(0.6, at_least=True).met(0.6)
    assert not Aim(0.6, at_least=True).met(0.59)


def test_the_table_says_what_was_missed():
    lines = figure_lines({"full_payments_per_s": 96.4, "accept_p99_ms": 11.26, "start_s": 8})
    assert [line.split()[-1] for line in lines] == ["MISSED", "met", "8.0"]


def test_every_aim_belongs_to_a_figure_of_the_report():
    assert set(AIMS) <= {
        "accept_vs_bare", "accept_p99_ms", "full_payments_per_s", "added_latency_p99_ms",
        "drain_vs_arrival", "recovery_p99_s", "idle_service_mb_max",
    }  # fmt: skip


def test_figures_keep_three_digits():
    assert [rounded(x) for x in (0.08957, 11.263, 118.7, 3474.9)] == [0.0896, 11.3, 119, 3475]


def test_a_distribution_rises_to_one():
    line = cdf([3.0, 1.0, 2.0])
    assert line == [(1.0, 1 / 3), (2.0, 2 / 3), (3.0, 1.0)]


def test_rates_are_counted_second_by_second():
    assert rate_over_time([0.1, 0.9, 1.5, 7.0], 3.0) == [(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)]


def test_the_picture_is_well_formed():
    lines = {"a < b & c": [(0.0, 0.0), (5.0, 2.0)], "nothing": []}
    drawn = [chart("one", lines, "s", 10, 0), chart("two", lines, "ms", 10, HEIGHT)]
    root = ET.fromstring(picture(drawn))
    assert len(root.findall("{*}polyline")) == 4


def test_a_profile_counts_a_function_once_a_stack():
    stacks = ["main (m.py:1);f (a/b/c/d.py:3);f (a/b/c/d.py:9) 6", "main (m.py:1);g (x.py:2) 4"]
    own, whole, total = hottest(stacks)
    assert total == 10
    assert own == {"f (b/c/d.py)": 6, "g (x.py)": 4}
    assert whole == {"main (m.py)": 10, "f (b/c/d.py)": 6, "g (x.py)": 4}
    assert "60.0%" in table("s", stacks)
    assert "no samples" in table("s", [])
