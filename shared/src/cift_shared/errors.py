"""Every error we raise on purpose.

    CiftError
    ├── InvalidCommand            the caller's input can't be carried out; never retried
    ├── SettingsInvalid           a setting is missing or contradicts another; the start is refused
    ├── SealBroken                sealed data can't be opened (wrong key, changed bytes)
    ├── InvariantViolated         our own books or states contradict themselves; stop and look
    └── PaymentProcessorError     talking to a provider went wrong
        ├── ProviderUnavailable       nothing was sent; safe to send again later
        ├── ProviderThrottled         the provider refused for now; safe to send again later
        ├── ProviderRejectedRequest   our credentials or request are wrong; nothing happened
        └── OutcomeUnknown            sent, and no readable answer: query, never send blindly again

A decline is not here: it is a value (`cift_shared.outcomes.Declined`).
"""


class CiftError(Exception):
    """Root of our own errors."""


class InvalidCommand(CiftError):
    """The caller's input can't be carried out.

    Attributes:
        code: stable word for programs, as in a problem document.
        pointer: JSON Pointer (RFC 6901) of the offending field, "" when it is the whole body.
    """

    def __init__(self, code: str, message: str, *, pointer: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.pointer = pointer


class SettingsInvalid(CiftError):
    """A setting is missing or contradicts another; the process must not start."""


class SealBroken(CiftError):
    """Sealed personal data can't be opened: unknown key, wrong context or changed bytes."""


class InvariantViolated(CiftError):
    """Our own state contradicts itself; going on could move money wrongly."""


class PaymentProcessorError(CiftError):
    """Talking to a provider went wrong; the subclass says what may have happened there.

    Attributes:
        code: stable word, also the failure code shown to the merchant when it becomes final.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProviderUnavailable(PaymentProcessorError):
    """The request never left: connection refused, connect time-out, name not found."""


class ProviderThrottled(PaymentProcessorError):
    """The provider refused for now without acting; `retry_after_s` says how long to wait."""

    def __init__(self, code: str, message: str, *, retry_after_s: int) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


class ProviderRejectedRequest(PaymentProcessorError):
    """Credentials or request refused before anything happened; people must look."""


class OutcomeUnknown(PaymentProcessorError):
    """Sent, but no readable answer came back: the money may have moved."""
