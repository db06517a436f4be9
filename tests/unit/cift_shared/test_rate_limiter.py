"""A rate limit holds in every interval of one second, however requests arrive."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.errors import ProviderThrottled
from cift_shared.resilience.rate_limiter import TokenBucket, wait_for_turn
from cift_shared.testing import FakeClock


@given(
    share=st.sampled_from([1.25, 2.5, 12.5, 25.0, 100.0]),
    gaps_ms=st.lists(st.integers(0, 400), min_size=1, max_size=200),
)
def test_no_second_sees_more_than_the_share(share, gaps_ms) -> None:
    clock = FakeClock()
    bucket, sent = TokenBucket(share, clock), []
    for gap in gaps_ms:
        clock.advance(timedelta(milliseconds=gap))
        wait = bucket.wait_s()
        bucket.take()
        sent.append(clock.monotonic() + wait)
    for began in sent:
        in_one_second = [moment for moment in sent if began <= moment < began + 1 - 1e-6]
        assert len(in_one_second) <= share


def test_a_rest_allows_a_few_at_once_then_the_others_wait() -> None:
    bucket = TokenBucket(25, FakeClock())
    waits = []
    for _ in range(10):
        waits.append(bucket.wait_s())
        bucket.take()
    assert waits[:5] == [0] * 5
    assert waits[5:] == sorted(waits[5:])
    assert 0 < waits[5] < 0.1


async def test_a_turn_too_far_away_is_refused_and_not_booked() -> None:
    clock = FakeClock()
    bucket = TokenBucket(1.25, clock)
    await wait_for_turn([bucket])
    before = bucket.wait_s()
    with pytest.raises(ProviderThrottled):
        await wait_for_turn([bucket, TokenBucket(25, clock)])
    assert bucket.wait_s() == before


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_a_share_that_never_refills_is_refused(share) -> None:
    with pytest.raises(ValueError, match="above one"):
        TokenBucket(share, FakeClock())
