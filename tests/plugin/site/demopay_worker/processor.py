"""Payments by DemoPay, which also posts a signed notice about each transfer."""

import json
from uuid import UUID

from cift_shared.ids import AttemptId
from cift_shared.settings import KeySettings, load_settings
from demopay_worker.settings import DemoPayConfig
from demopay_worker.transfers import Transfers


class DemoPayProcessor(Transfers):
    """Moves money at DemoPay."""

    rail = "demopay"
    _path = "/transfers"

    def read_fingerprint(self, body: bytes) -> AttemptId | str | None:
        """The attempt's id, which DemoPay sends back."""
        return AttemptId(UUID(json.loads(body)["id"]))


def build_processor(config: DemoPayConfig) -> DemoPayProcessor:
    """The entry point `cift.processors`."""
    return DemoPayProcessor(config, load_settings(KeySettings).vault())
