"""What is counted of a call to a provider, by how it ended."""

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest

from cift_shared.errors import ProviderUnavailable
from cift_shared.observability.metrics import PROVIDER_REQUESTS, PROVIDER_SECONDS
from cift_shared.observability.provider_calls import recorded_call
from cift_shared.testing import FakeClock


class Counted:
    """The calls of one operation that no other test makes."""

    def __init__(self, operation: str) -> None:
        self.operation = operation

    @property
    def results(self) -> dict[str, float]:
        """Counts by result."""
        return {
            sample.labels["result"]: sample.value
            for sample in _samples(PROVIDER_REQUESTS, "cift_provider_requests_total")
            if sample.labels["operation"] == self.operation
        }

    @property
    def seconds(self) -> list[float]:
        """The sum of all durations."""
        name = "cift_provider_request_duration_seconds_sum"
        return [
            sample.value
            for sample in _samples(PROVIDER_SECONDS, name)
            if sample.labels["operation"] == self.operation
        ]


def _samples(metric: Any, name: str) -> list[Any]:
    return [one for family in metric.collect() for one in family.samples if one.name == name]


@pytest.mark.parametrize(
    ("word", "error", "counted"),
    [
        (None, None, "ok"),
        ("refused", None, "refused"),
        (None, ProviderUnavailable("provider_unreachable", "x"), "provider_unreachable"),
        ("ok", ProviderUnavailable("provider_unreachable", "x"), "provider_unreachable"),
        ("declined", ValueError("x"), "declined"),
        (None, ValueError("x"), "error"),
    ],
)
def test_a_call_is_counted_once_by_how_it_ended(
    word: str | None, error: Exception | None, counted: str
) -> None:
    seen, clock = Counted(f"{word}-{error!r}"), FakeClock()
    raised = pytest.raises(type(error)) if error else nullcontext()
    with raised, recorded_call("nobody", seen.operation, clock) as call:
        clock.advance(timedelta(seconds=2))
        call.result = word
        if error is not None:
            raise error
    assert seen.results == {counted: 1}
    assert seen.seconds == [2]
