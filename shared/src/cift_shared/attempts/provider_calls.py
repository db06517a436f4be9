"""The calls of the engine to a processor, for payments and for saved instruments alike."""

from collections.abc import Sequence

from cift_shared.attempts.processor import (
    Answer,
    Attempt,
    CancelsAtProvider,
    ForgetsSending,
    MethodAttempt,
    Notice,
    PaymentProcessor,
    SavedMethodProvider,
)
from cift_shared.attempts.state_machine import Schedule
from cift_shared.errors import ProviderRejectedRequest


class ProviderCalls:
    """Calls the method of the processor that an attempt needs."""

    def __init__(self, processor: PaymentProcessor) -> None:
        self._processor = processor

    @property
    def cancels(self) -> bool:
        """True if the provider can cancel a payment after its submission."""
        return isinstance(self._processor, CancelsAtProvider)

    async def submit(self, attempt: Attempt | MethodAttempt) -> Answer:
        """Send an attempt; raises the processor's PaymentProcessorError."""
        if isinstance(attempt, MethodAttempt):
            provider = self._saved_method_provider()
            if attempt.operation == "setup":
                return await provider.process_setup(attempt)
            return await provider.process_detach(attempt)
        match attempt.operation:
            case "deposit":
                return await self._processor.process_deposit(attempt)
            case "withdrawal":
                return await self._processor.process_withdrawal(attempt)
            case "refund":
                return await self._processor.process_refund(attempt)

    async def query(self, attempt: Attempt | MethodAttempt, notices: Sequence[Notice]) -> Answer:
        """Query the status of an attempt; raises the processor's PaymentProcessorError."""
        if isinstance(attempt, MethodAttempt):
            return await self._saved_method_provider().get_method_status(attempt, notices)
        return await self._processor.get_transaction_status(attempt, notices)

    def schedule(self, attempt: Attempt | MethodAttempt) -> Schedule:
        """The delay until the attempt is queried next."""
        if isinstance(attempt, MethodAttempt):
            return Schedule(self._saved_method_provider().method_check_delay(attempt))
        return Schedule(self._processor.check_delay(attempt))

    def resend_is_safe(self, attempt: Attempt | MethodAttempt) -> bool:
        """True if the attempt may be sent again; never true for an attempt of a saved method."""
        if isinstance(attempt, MethodAttempt):
            return False
        return self._processor.resend_is_safe(attempt.operation)

    def forgets_sending(self, attempt: Attempt | MethodAttempt) -> bool:
        """True if after the loss of our rows the attempt could be sent a second time."""
        return (
            isinstance(attempt, Attempt)
            and isinstance(self._processor, ForgetsSending)
            and self._processor.forgets_sending(attempt.operation)
        )

    def _saved_method_provider(self) -> SavedMethodProvider:
        if not isinstance(self._processor, SavedMethodProvider):
            raise ProviderRejectedRequest("not_offered", "this provider stores no instruments")
        return self._processor

    async def cancel(self, attempt: Attempt | MethodAttempt) -> Answer:
        """Send the provider a request to cancel a payment that it may have.

        Raises:
            PaymentProcessorError: it can't be canceled, or the call failed.
        """
        if isinstance(attempt, MethodAttempt) or not isinstance(self._processor, CancelsAtProvider):
            raise ProviderRejectedRequest("not_offered", "this provider can't cancel payments")
        return await self._processor.process_cancel(attempt)
