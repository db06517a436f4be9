"""Conversions: exchange a customer's money to another currency, once per idempotency key."""

from dataclasses import dataclass

from cift_shared.clock import Clock
from cift_shared.ids import IdFactory
from cift_shared.money.amount import Money
from cift_shared.money.rates import RateSource
from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Caller
from gateway.conversions.commands import conversion_acceptance, exchange, requested_amount
from gateway.conversions.repository import ConversionRepository
from gateway.conversions.requests import ConversionIn
from gateway.idempotency.acceptance import Acceptance
from gateway.idempotency.service import Decision, Idempotency
from gateway.idempotency.store import RequestKey


@dataclass(slots=True, eq=False)
class Conversions:
    """Exchanges money at the current market rate less our spread."""

    repository: ConversionRepository
    idempotency: Idempotency
    rates: RateSource
    spread_bps: int
    """Our margin, in hundredths of a percent of the rate."""
    vault: Vault
    clock: Clock
    ids: IdFactory

    async def convert(self, customer_id: str, body: ConversionIn, key: RequestKey) -> Decision:
        """Carry out a conversion, or refuse it.

        Raises:
            Problem: a refusal that is not stored.
            InvalidCommand: the same.
        """
        if earlier := await self.idempotency.earlier(key):
            return earlier
        # errors in the body alone are refused here; they are not stored under the key
        amount = requested_amount(body)
        evaluation = self._evaluate(amount, body.to_currency, customer_id, key.caller)
        return await self.idempotency.decide(key, evaluation)

    async def _evaluate(
        self, amount: Money, to_currency: str, customer_id: str, caller: Caller
    ) -> Acceptance:
        now = self.clock.now()
        deal = exchange(amount, to_currency, self.rates, spread_bps=self.spread_bps, at=now)
        return conversion_acceptance(deal, self.ids.new_id(), customer_id, caller, now)
