"""Detect a stalled consumer: no fetch response for 15 s raises TimeoutError.

aiokafka's tasks can stop without an error when a broker becomes unavailable (seen: connections
reset, then a restart): nothing is fetched, no heartbeat is sent, nothing is raised. A working
consumer gets at least one response, possibly empty, in each long poll.
"""

from aiokafka import AIOKafkaConsumer

SILENCE_S = 15.0
"""Three long polls."""


class ConsumerWatchdog:
    """Watches one consumer."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._answered_ms: int | None = None
        self._changed_at: float | None = None

    def check(self, now: float) -> None:
        """Check once; `now` is in seconds of a monotonic clock.

        Raises:
            TimeoutError: no fetch response for any assigned partition for `SILENCE_S` seconds.
        """
        partitions = self._consumer.assignment()
        times_ms = [self._consumer.last_poll_timestamp(partition) for partition in partitions]
        answered_ms = max((time_ms for time_ms in times_ms if time_ms), default=None)
        if self._changed_at is None or answered_ms != self._answered_ms or not partitions:
            # without assigned partitions there are no fetch responses
            self._answered_ms, self._changed_at = answered_ms, now
        elif now - self._changed_at > SILENCE_S:
            raise TimeoutError(f"no answer for {now - self._changed_at:.0f} s")
