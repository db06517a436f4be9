"""Whether a consumer still hears from its broker.

aiokafka's tasks can come to rest without a word when a broker goes away at the wrong moment (seen:
connections reset, then a restart): nothing is fetched, no heartbeat is sent, nothing is raised. A
living consumer is answered at least once in each long poll, were it with nothing.
"""

from aiokafka import AIOKafkaConsumer

SILENCE_S = 15.0
"""Three long polls."""


class Pulse:
    """Watches one consumer."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._answered_ms: int | None = None
        self._changed_at: float | None = None

    def check(self, now: float) -> None:
        """Look once; `now` in seconds of a clock that never goes back.

        Raises:
            TimeoutError: no answer about any partition of ours for `SILENCE_S` seconds.
        """
        places = self._consumer.assignment()
        stamps = [self._consumer.last_poll_timestamp(place) for place in places]
        answered_ms = max((stamp for stamp in stamps if stamp), default=None)
        if self._changed_at is None or answered_ms != self._answered_ms or not places:
            self._answered_ms, self._changed_at = answered_ms, now  # no partitions, no answers
        elif now - self._changed_at > SILENCE_S:
            raise TimeoutError(f"no answer for {now - self._changed_at:.0f} s")
