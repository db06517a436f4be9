"""Payments by DemoPoll, which posts nothing, and can cancel what it has."""

from cift_shared.attempts.processor import Answer, Attempt
from cift_shared.settings import KeySettings, load_settings
from demopay_worker.settings import DemoPayConfig
from demopay_worker.transfers import Transfers, answer_of


class DemoPollProcessor(Transfers):
    """Moves money at DemoPoll."""

    method = "demopoll"
    _path = "/polled/transfers"
    _patience_s = 50

    async def process_cancel(self, attempt: Attempt) -> Answer:
        """Cancel the transfer; again is the same as once."""
        return answer_of(await self.call("POST", f"{self._path}/{attempt.attempt_id}/cancel"))


def build_processor(config: DemoPayConfig) -> DemoPollProcessor:
    """The entry point `cift.processors`."""
    return DemoPollProcessor(config, load_settings(KeySettings).vault())
