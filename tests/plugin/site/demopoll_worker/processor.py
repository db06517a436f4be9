"""Payments by DemoPoll, which posts nothing, can cancel what it has, and uses a network."""

from collections.abc import Sequence
from datetime import timedelta

from cift_shared.attempts.processor import Answer, Attempt, FloatRules
from cift_shared.database.lease import Lease
from cift_shared.money.amount import Money, parse_amounts
from cift_shared.money.fees import Direction
from cift_shared.runtime.job import Job
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import KeySettings, load_settings
from demopay_worker.settings import DemoPayConfig
from demopay_worker.transfers import Transfers, answer_of


class DemoPollProcessor(Transfers):
    """Moves money at DemoPoll."""

    rail = "demopoll"
    _path = "/polled/transfers"
    _patience_s = 50

    def __init__(self, config: DemoPayConfig, vault: Vault) -> None:
        super().__init__(config, vault)
        self._signer = config.signer
        self._rules = FloatRules(parse_amounts(config.float_least), every=timedelta(seconds=1))

    async def _signed(self, transfer_id: str) -> dict[str, str]:
        """The signature, which another process makes."""
        return dict(await self.call("POST", f"{self._signer}/sign", json={"id": transfer_id}))

    def float_rules(self) -> FloatRules:
        """Look every second."""
        return self._rules

    async def get_float(self) -> Sequence[Money]:
        """The balance of our account."""
        found = await self.call("GET", "/polled/balance")
        return [Money(minor, currency) for currency, minor in found.items()]

    async def estimate_network_fee(self, direction: Direction, currency: str) -> Money:
        """What DemoPoll's network charges now for a transfer, in dollars."""
        found = await self.call("GET", "/polled/network-fee")
        return Money(found["minor"], found["currency"])

    def jobs(self) -> Sequence[Job]:
        """Renew the session at DemoPoll."""
        return [Job(name="session", every=timedelta(seconds=2), work=self._renew)]

    async def _renew(self, lease: Lease) -> None:
        if lease.is_sure:
            await self.call("POST", "/polled/session", json={"holder": lease.fence[1]})

    async def process_cancel(self, attempt: Attempt) -> Answer:
        """Cancel the transfer; again is the same as once."""
        return answer_of(await self.call("POST", f"{self._path}/{attempt.attempt_id}/cancel"))


def build_processor(config: DemoPayConfig) -> DemoPollProcessor:
    """The entry point `cift.processors`."""
    return DemoPollProcessor(config, load_settings(KeySettings).vault())
