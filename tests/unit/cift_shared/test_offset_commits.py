"""Offsets of handled records are committed together, and before partitions move."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaConnectionError

from cift_shared.kafka import offset_commits
from cift_shared.kafka.offset_commits import OffsetCommits

ONE, TWO = TopicPartition("commands", 0), TopicPartition("commands", 1)


class Consumer:
    """Takes commits, except of partitions that are another member's."""

    def __init__(self) -> None:
        self.taken: list[dict[TopicPartition, int]] = []
        self.lost: set[TopicPartition] = set()
        self.error: Exception = CommitFailedError()

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self.lost & set(offsets):
            raise self.error
        self.taken.append(offsets)


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture
def commits(consumer: Consumer) -> OffsetCommits:
    return OffsetCommits(consumer, "group")


def batch(place: TopicPartition, *offsets: int) -> dict[TopicPartition, list[Any]]:
    return {place: [SimpleNamespace(offset=offset) for offset in offsets]}


async def test_nothing_is_committed_when_nothing_was_handled(consumer, commits) -> None:
    await commits.commit()
    assert (commits.left_s(), consumer.taken) == (None, [])


async def test_several_batches_are_one_commit(consumer, commits, monkeypatch) -> None:
    commits.note(batch(ONE, 4, 5))
    commits.note(batch(TWO, 9))
    commits.note(batch(ONE, 6))
    await commits.commit_if_due()
    assert consumer.taken == []
    assert 0 < commits.left_s() <= offset_commits.COMMIT_EVERY_S
    await commits.commit()
    await commits.commit()
    assert consumer.taken == [{ONE: 7, TWO: 10}]


async def test_what_has_waited_long_enough_is_committed(consumer, commits, monkeypatch) -> None:
    monkeypatch.setattr(offset_commits, "COMMIT_EVERY_S", 0.0)
    commits.note(batch(ONE, 1))
    await commits.commit_if_due()
    assert consumer.taken == [{ONE: 2}]
    assert commits.left_s() is None


async def test_handled_records_are_committed_before_their_partition_moves(
    consumer, commits
) -> None:
    commits.note(batch(ONE, 1))
    await commits.on_partitions_revoked({ONE, TWO})
    assert consumer.taken == [{ONE: 2}]


async def test_a_batch_in_progress_while_its_partition_moves_is_not_committed(
    consumer, commits
) -> None:
    """Another member may have read further by now, and must not be set back."""
    await commits.on_partitions_revoked({ONE, TWO})
    commits.note(batch(ONE, 1))
    await commits.commit()
    commits.on_partitions_assigned({TWO})
    commits.note(batch(TWO, 3))
    await commits.commit()
    assert consumer.taken == [{TWO: 4}]


@pytest.mark.parametrize("error", [CommitFailedError(), IllegalStateError()])
async def test_a_partition_that_has_moved_does_not_hold_back_the_others(
    consumer, commits, error
) -> None:
    consumer.lost, consumer.error = {ONE}, error
    commits.note(batch(ONE, 1))
    commits.note(batch(TWO, 3))
    await commits.commit()
    assert consumer.taken == [{TWO: 4}]
    assert commits.left_s() is None


async def test_a_broker_that_does_not_answer_is_an_error(consumer, commits) -> None:
    consumer.lost, consumer.error = {ONE}, KafkaConnectionError()
    commits.note(batch(ONE, 1))
    with pytest.raises(KafkaConnectionError):
        await commits.commit()
