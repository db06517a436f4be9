"""Shared by deposits, payouts and reversals: dependencies, and the names of memory fields.

Memory fields are stored with attempts, so their names never change.
"""

from dataclasses import dataclass
from datetime import timedelta

from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.attempts.processor import Attempt
from cift_shared.clock import Clock
from cift_shared.errors import ProviderRejectedRequest, SealBroken
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import Failure
from cift_shared.observability.log import get_logger
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.security.field_encryption import Vault
from vodacom_method.rail import COUNTRY, RAIL
from vodacom_worker import codes, domain
from vodacom_worker.client import PROVIDER, VodacomClient
from vodacom_worker.payout_pause import PayoutPause
from vodacom_worker.settings import VodacomConfig

ACCEPTED = "accepted"
"""Memory field: "yes" once Vodacom certainly has the request of this round."""
ROUND = "round"
"""Memory field: how many requests of this attempt M-Pesa refused for lack of our money."""
CONVERSATION = "conversation_id"
"""Memory field: Vodacom's id of the request."""
TOLD_CODE, TOLD_RECEIPT = "told_code", "told_receipt"
"""Memory fields: what a notice on the listener's path said."""
FAILED_AT = "failed_at"
"""Memory field: when a query first showed that the request failed."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Context:
    """The dependencies of the three operations, and what they have in common."""

    config: VodacomConfig
    client: VodacomClient
    vault: Vault
    clock: Clock
    pause: PayoutPause

    def step(self, name: str, **detail: object) -> Step:
        """An entry of the payment's timeline; None values are left out, long values are cut."""
        return Step.of(self.clock.now(), f"{RAIL.name}.{name}", detail)

    def phone(self, attempt: Attempt) -> str:
        """The customer's phone number in clear text, for requests to Vodacom.

        Raises:
            ProviderRejectedRequest: the number can't be decrypted; nothing was sent.
        """
        try:
            return self.vault.open(attempt.request.instrument.sealed, context="phone").decode()
        except SealBroken as error:
            raise ProviderRejectedRequest("sealed_data_unreadable", str(error)) from error

    def refusal(self, attempt: Attempt) -> Failure | None:
        """Why this attempt can't be sent to M-Pesa; None when it can.

        Raises:
            ProviderRejectedRequest: as `phone`.
        """
        amount = attempt.request.amount
        if amount.currency != domain.CURRENCY or amount.minor % 100:
            return codes.AMOUNT_NOT_WHOLE
        limits = RAIL.limits[domain.CURRENCY][attempt.operation]
        if not limits.min_minor <= amount.minor <= limits.max_minor:
            return codes.AMOUNT_REFUSED
        if attempt.request.instrument.country != COUNTRY:
            return codes.PHONE_INVALID
        if not domain.is_msisdn(self.phone(attempt)):
            return codes.PHONE_INVALID
        return None

    def delay(self, seconds: int) -> timedelta:
        """A wait of so many seconds, divided by the check speed."""
        return sped_up(seconds, self.config.check_speed)

    def age(self, attempt: Attempt) -> timedelta | None:
        """Time since the attempt began; None when it is not stored yet."""
        created = attempt.created_at
        return self.clock.now() - created if created else None

    def is_old(self, attempt: Attempt) -> bool:
        """True once the attempt is a day old; our operators then decide it if it is still open."""
        age = self.age(attempt)
        return age is not None and age >= self.delay(domain.GIVE_UP_AFTER_S)

    def key(self, attempt: Attempt) -> str:
        """The key of the attempt's current round."""
        return domain.request_key(attempt.attempt_id, round_of(attempt))

    def count_unknown(self, word: str) -> None:
        """Count and log a status that no table lists, for the operators."""
        UNKNOWN_WORDS.labels(PROVIDER).inc()
        log.warning("mpesa_tz.status.unknown", status=word[:20])


def round_of(attempt: Attempt) -> int:
    """How many requests of this attempt M-Pesa refused for lack of our money."""
    return int(attempt.memory.get(ROUND) or 0)


def is_accepted(attempt: Attempt) -> bool:
    """True once Vodacom certainly has the request of the current round."""
    return attempt.memory.get(ACCEPTED) == "yes"
