"""Shared by deposits, payouts and reversals: dependencies, the operator guard, memory fields.

Memory fields are stored with attempts, so their names (`told_code`, `asked_at`, ...) never change.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cift_shared.attempts.polling_schedule import sped_up
from cift_shared.attempts.processor import Attempt
from cift_shared.clock import Clock
from cift_shared.errors import ProviderRejectedRequest, ProviderThrottled, SealBroken
from cift_shared.messaging.messages import Step
from cift_shared.messaging.outcomes import Failure, FailureCategory, Settled
from cift_shared.money.amount import Money
from cift_shared.observability.log import get_logger
from cift_shared.observability.metrics import UNKNOWN_WORDS
from cift_shared.security.callback_token import CallbackTokens
from cift_shared.security.field_encryption import Vault
from mpesa_method.purposes import Purpose
from mpesa_worker import codes, domain
from mpesa_worker.client import PROVIDER, DarajaClient
from mpesa_worker.mapping import CURRENCY
from mpesa_worker.settings import MpesaConfig

OPERATOR_PAUSE_S = 300
"""How long the API operator is not used after Daraja refused it. Five wrong passwords lock it."""


REFERENCE_CONTEXT = "provider-request"
"""Key context of the fingerprints of provider references."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Operator:
    """The API operator (Daraja: initiator) of payouts, status queries and reversals."""

    name: str
    credential: str
    """Its password, encrypted with Safaricom's public key."""


class OperatorGuard:
    """Stops the use of a refused API operator for a while: repeated refusals would lock it."""

    def __init__(self, operator: Operator | None, clock: Clock) -> None:
        self._operator = operator
        self._clock = clock
        self._paused_until: float | None = None

    def operator(self) -> Operator:
        """The API operator.

        Raises:
            ProviderRejectedRequest: no API operator is configured.
            ProviderThrottled: Daraja refused the API operator less than `OPERATOR_PAUSE_S` ago.
        """
        if self._operator is None:
            raise ProviderRejectedRequest("payouts_not_set_up", "no M-Pesa operator is set up")
        left_s = (self._paused_until or 0) - self._clock.monotonic()
        if self._paused_until is not None and left_s > 0:
            raise ProviderThrottled(
                "provider_credentials_refused",
                "Daraja refused the M-Pesa operator; waiting before the next call",
                retry_after_s=int(left_s) + 1,
            )
        return self._operator

    def record_result(self, code: str) -> None:
        """Pause the API operator for `OPERATOR_PAUSE_S` when a result code refuses it."""
        if code in codes.INITIATOR_REFUSED:
            self._paused_until = self._clock.monotonic() + OPERATOR_PAUSE_S
            log.error("mpesa.operator.refused", code=code, pause_s=OPERATOR_PAUSE_S)


@dataclass(frozen=True, slots=True)
class Context:
    """The dependencies of deposits, payouts and reversals, and what they have in common."""

    config: MpesaConfig
    client: DarajaClient
    vault: Vault
    tokens: CallbackTokens
    clock: Clock
    operator_guard: OperatorGuard

    def step(self, name: str, **detail: object) -> Step:
        """An entry of the payment's timeline; None values are left out, long values are cut."""
        return Step.of(self.clock.now(), f"mpesa.{name}", detail)

    def callback(self, attempt: Attempt, purpose: Purpose) -> str:
        """The address to which Daraja posts the result of one request of the attempt."""
        token = self.tokens.make(attempt.attempt_id, purpose)
        return domain.callback_address(self.config.callback_base, token)

    def fingerprint(self, reference: str) -> str:
        """The keyed hash of a reference; finds the attempt of a notice without a callback token."""
        return self.vault.fingerprint(reference.encode(), context=REFERENCE_CONTEXT)

    def phone(self, attempt: Attempt) -> str:
        """The customer's phone number in clear text, for requests to Daraja and for comparison.

        Raises:
            ProviderRejectedRequest: the number can't be decrypted; nothing was sent.
        """
        return self.open(attempt.request.instrument.sealed, context="phone")

    def open(self, sealed: str, *, context: str) -> str:
        """The decrypted text of `sealed`.

        Raises:
            ProviderRejectedRequest: the key is missing or the encrypted text was changed.
        """
        try:
            return self.vault.open(sealed, context=context).decode()
        except SealBroken as error:
            raise ProviderRejectedRequest("sealed_data_unreadable", str(error)) from error

    def delay(self, seconds: int) -> timedelta:
        """A wait of so many seconds, divided by the check speed."""
        return sped_up(seconds, self.config.check_speed)

    def is_old(self, attempt: Attempt) -> bool:
        """True once the attempt is a day old; our operators then decide it if it is still open."""
        created = attempt.created_at
        return created is not None and self.clock.now() - created >= self.delay(
            domain.GIVE_UP_AFTER_S
        )

    def refusal(self, attempt: Attempt, phone: str, *, least_minor: int) -> Failure | None:
        """Why this attempt can't be sent to M-Pesa; None when it can."""
        request = attempt.request
        if request.amount.currency != CURRENCY or request.amount.minor % 100:
            return _limit_failure("amount_not_whole", "M-Pesa moves whole Kenyan shillings only.")
        if not least_minor <= request.amount.minor <= AMOUNT_MINOR_MAX:
            return _limit_failure("amount_out_of_limits", "M-Pesa does not move this amount.")
        if request.instrument.country != "KE" or not domain.is_msisdn(phone):
            return codes.PHONE_INVALID
        return None

    def count_unknown(self, code: str) -> None:
        """Count and log a code that no table lists, for the operators."""
        UNKNOWN_WORDS.labels(PROVIDER).inc()
        log.warning("mpesa.code.unknown", code=code[:20])


AMOUNT_MINOR_MAX = 250_000_00
"""At most 250,000 shillings for each transaction, in either direction. Source: Daraja portal."""


def _limit_failure(code: str, message: str) -> Failure:
    return Failure(code, FailureCategory.LIMIT, message, retryable=False)


def money_to(name: str, amount: Money | None) -> dict[str, str]:
    """An amount as one entry of an attempt's memory; None is written as "", which clears it."""
    return {name: "" if amount is None else str(amount.minor)}


def money_from(memory: Mapping[str, str], name: str) -> Money | None:
    """The amount in an attempt's memory under `name`; None when there is none."""
    text = memory.get(name)
    return Money(int(text), CURRENCY) if text else None


def moment_from(memory: Mapping[str, str], name: str) -> datetime | None:
    """The time in an attempt's memory under `name`; None when there is none."""
    text = memory.get(name)
    return datetime.fromisoformat(text) if text else None


def settled_to(outcome: Settled) -> dict[str, str]:
    """A settled outcome as memory; a late notice then gets the same answer without a new query."""
    return {
        **money_to("settled_minor", outcome.amount),
        **money_to("settled_fee_minor", outcome.provider_fee),
        "settled_receipt": outcome.provider_reference or "",
    }


def settled_from(memory: Mapping[str, str]) -> Settled | None:
    """The settled outcome in an attempt's memory; None when there is none."""
    amount = money_from(memory, "settled_minor")
    if amount is None:
        return None
    receipt = memory.get("settled_receipt") or None
    return Settled(amount, receipt, money_from(memory, "settled_fee_minor"))
