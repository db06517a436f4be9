"""What the three flows (deposits, payouts, reversals) share: tools, and words for the timeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cift_shared.callback_token import CallbackTokens, Purpose
from cift_shared.check_schedule import sped_up
from cift_shared.clock import Clock
from cift_shared.errors import ProviderRejectedRequest, ProviderThrottled, SealBroken
from cift_shared.log import get_logger
from cift_shared.messages import Step
from cift_shared.metrics import UNKNOWN_WORDS
from cift_shared.money import Money
from cift_shared.outcomes import Failure, FailureCategory, Settled
from cift_shared.processor import Attempt
from cift_shared.vault import Vault
from mpesa_worker import codes, domain
from mpesa_worker.client import PROVIDER, DarajaClient
from mpesa_worker.mapping import CURRENCY
from mpesa_worker.settings import MpesaConfig

OPERATOR_PAUSE_S = 300
"""How long the API operator rests once it was refused; five wrong passwords would lock it."""


REFERENCE_CONTEXT = "provider-request"
"""Of fingerprints of provider references."""

log = get_logger()


@dataclass(frozen=True, slots=True)
class Operator:
    """The API operator behind payouts, status queries and reversals."""

    name: str
    credential: str
    """Its password, sealed for Safaricom."""


class OperatorGate:
    """Keeps a refused operator from being tried again and again, which would lock it."""

    def __init__(self, operator: Operator | None, clock: Clock) -> None:
        self._operator = operator
        self._clock = clock
        self._closed_until: float | None = None

    def operator(self) -> Operator:
        """The operator.

        Raises:
            ProviderRejectedRequest: none is set up.
            ProviderThrottled: it was refused a short while ago.
        """
        if self._operator is None:
            raise ProviderRejectedRequest("payouts_not_set_up", "no M-Pesa operator is set up")
        left_s = (self._closed_until or 0) - self._clock.monotonic()
        if self._closed_until is not None and left_s > 0:
            raise ProviderThrottled(
                "provider_credentials_refused",
                "the M-Pesa operator was refused; waiting for people",
                retry_after_s=int(left_s) + 1,
            )
        return self._operator

    def hear(self, code: str) -> None:
        """Take in a result code: a refused operator rests for a while."""
        if code in codes.INITIATOR_REFUSED:
            self._closed_until = self._clock.monotonic() + OPERATOR_PAUSE_S
            log.error("mpesa.operator.refused", code=code, pause_s=OPERATOR_PAUSE_S)


@dataclass(frozen=True, slots=True)
class Flow:
    """Everything a flow needs."""

    config: MpesaConfig
    client: DarajaClient
    vault: Vault
    tokens: CallbackTokens
    clock: Clock
    gate: OperatorGate

    def step(self, name: str, **detail: object) -> Step:
        """A line of the timeline; what is None is left out, what is long is cut."""
        return Step.of(self.clock.now(), f"mpesa.{name}", detail)

    def callback(self, attempt: Attempt, purpose: Purpose) -> str:
        """The address where Daraja shall tell how one request of the attempt ended."""
        token = self.tokens.make(attempt.attempt_id, purpose)
        return domain.callback_address(self.config.callback_base, token)

    def fingerprint(self, reference: str) -> str:
        """The keyed hash by which a notice without a path of ours finds the attempt."""
        return self.vault.fingerprint(reference.encode(), context=REFERENCE_CONTEXT)

    def phone(self, attempt: Attempt) -> str:
        """The customer's number, in clear only on its way to Daraja.

        Raises:
            ProviderRejectedRequest: it can't be opened; nothing was sent.
        """
        return self.open(attempt.request.instrument.sealed, context="phone")

    def open(self, sealed: str, *, context: str) -> str:
        """What was sealed, as text.

        Raises:
            ProviderRejectedRequest: the key is missing or the text was changed.
        """
        try:
            return self.vault.open(sealed, context=context).decode()
        except SealBroken as error:
            raise ProviderRejectedRequest("sealed_data_unreadable", str(error)) from error

    def delay(self, seconds: int) -> timedelta:
        """A waiting time of ours, divided by the check speed."""
        return sped_up(seconds, self.config.check_speed)

    def refusal(self, attempt: Attempt, phone: str, *, least_minor: int) -> Failure | None:
        """Why this attempt can't be sent to M-Pesa at all; None when it can."""
        request = attempt.request
        if request.amount.currency != CURRENCY or request.amount.minor % 100:
            return _cant("amount_not_whole", "M-Pesa moves whole Kenyan shillings only.")
        if not least_minor <= request.amount.minor <= AMOUNT_MINOR_MAX:
            return _cant("amount_out_of_limits", "M-Pesa does not move this amount.")
        if request.instrument.country != "KE" or not domain.is_msisdn(phone):
            return codes.PHONE_INVALID
        return None

    def count_unknown(self, code: str) -> None:
        """Tell operators of a code that no table lists."""
        UNKNOWN_WORDS.labels(PROVIDER).inc()
        log.warning("mpesa.code.unknown", code=code[:20])


AMOUNT_MINOR_MAX = 250_000_00
"""Daraja portal: at most 250,000 shillings a transaction, in either direction."""


def _cant(code: str, message: str) -> Failure:
    return Failure(code, FailureCategory.LIMIT, message, retryable=False)


def money_to(name: str, amount: Money | None) -> dict[str, str]:
    """An amount as one entry of an attempt's memory; none is written, too, to replace another."""
    return {name: "" if amount is None else str(amount.minor)}


def money_from(memory: Mapping[str, str], name: str) -> Money | None:
    """An amount from an attempt's memory."""
    text = memory.get(name)
    return Money(int(text), CURRENCY) if text else None


def moment_from(memory: Mapping[str, str], name: str) -> datetime | None:
    """A moment from an attempt's memory."""
    text = memory.get(name)
    return datetime.fromisoformat(text) if text else None


def settled_to(outcome: Settled) -> dict[str, str]:
    """A final yes as memory, so that a late notice finds the same answer without a new question."""
    return {
        **money_to("settled_minor", outcome.amount),
        **money_to("settled_fee_minor", outcome.provider_fee),
        "settled_receipt": outcome.provider_reference or "",
    }


def settled_from(memory: Mapping[str, str]) -> Settled | None:
    """The final yes an attempt remembers."""
    amount = money_from(memory, "settled_minor")
    if amount is None:
        return None
    receipt = memory.get("settled_receipt") or None
    return Settled(amount, receipt, money_from(memory, "settled_fee_minor"))
