"""Shared by deposits, payouts and refunds: dependencies, timeline, alarms.

Memory fields are stored with attempts, so their names (`status`, `told`) never change.
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
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.security.field_encryption import Vault
from momo_method.calls import Call, purpose
from momo_method.countries import Country
from momo_method.phones import is_msisdn
from momo_method.webhooks import callback_path
from momo_worker import codes
from momo_worker.client import MomoClient
from momo_worker.sent_requests import SentRequests
from momo_worker.settings import MomoConfig

STATUS = "status"
"""Memory field: the last status that MTN told."""
TOLD = "told"
"""Memory field: `settled` once a settlement was reported."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Context:
    """The dependencies of deposits, payouts and refunds, and what they have in common."""

    config: MomoConfig
    client: MomoClient
    sent: SentRequests
    vault: Vault
    tokens: CallbackTokens
    clock: Clock

    @property
    def country(self) -> Country:
        """The country of the rail."""
        return self.config.country

    def step(self, name: str, **detail: object) -> Step:
        """An entry of the payment's timeline; None values are left out, long values are cut."""
        return Step.of(self.clock.now(), f"{self.country.rail}.{name}", detail)

    def callback(self, attempt: Attempt, call: Call) -> str:
        """The address to which MTN posts the result of one request of the attempt."""
        token = self.tokens.make(attempt.attempt_id, purpose(self.country, call))
        return f"{self.config.callback_base}/api/v1{callback_path(self.country)}/{token}"

    def phone(self, attempt: Attempt) -> str:
        """The customer's phone number in clear text, for requests to MTN and for comparison.

        Raises:
            ProviderRejectedRequest: the number can't be decrypted; nothing was sent.
        """
        try:
            return self.vault.open(attempt.request.instrument.sealed, context="phone").decode()
        except SealBroken as error:
            raise ProviderRejectedRequest("sealed_data_unreadable", str(error)) from error

    def refusal(self, attempt: Attempt, phone: str) -> Failure | None:
        """Why this attempt can't be sent to MTN; None when it can.

        The gateway has checked all of it: this is the last look before money of one country could
        be asked for in another.
        """
        request = attempt.request
        if request.amount.currency != self.country.currency:
            return codes.SETUP_WRONG
        if request.instrument.country != self.country.code or not is_msisdn(phone, self.country):
            return codes.PHONE_INVALID
        return None

    def age(self, attempt: Attempt) -> timedelta:
        """How long ago the attempt began."""
        now = self.clock.now()
        return now - (attempt.created_at or now)

    def delay(self, seconds: int) -> timedelta:
        """A wait of so many seconds, divided by the check speed."""
        return sped_up(seconds, self.config.check_speed)

    def count_unknown(self, kind: str, word: str | None) -> None:
        """Count and log a word that no table lists, for the operators."""
        UNKNOWN_WORDS.labels(self.country.rail).inc()
        log.warning("momo.word.unknown", rail=self.country.rail, kind=kind, word=(word or "")[:64])

    def alarm(self, failure: Failure, reason: str) -> None:
        """Log a failure for which an operator must act."""
        if failure in (codes.SETUP_WRONG, codes.FLOAT_LOW):
            log.error("momo.operator_must_act", rail=self.country.rail, reason=reason[:64])
