"""Every error we raise on purpose.

    CiftError
    ├── InvalidCommand            the caller's input can't be carried out; never retried
    ├── RateStale                 no rate is new enough; it may be known again at any moment
    ├── SettingsInvalid           a setting is missing or contradicts another; the start is refused
    ├── ServerUnreachable         a database, broker or API does not answer; it may answer later
    ├── ServerRefused             a server answers and refuses (login, database, right)
    ├── SealBroken                sealed data can't be opened (wrong key, changed bytes)
    ├── LeaseLost                 another process has taken a lease that this process held
    ├── SchemaRefused             the database's schema does not fit this release
    ├── InvariantViolated         our own ledger or states are inconsistent; stop and investigate
    └── PaymentProcessorError     a call to a provider failed
        ├── ProviderUnavailable       nothing was sent; safe to send again later
        ├── ProviderThrottled         the provider refused for now; safe to send again later
        ├── ProviderRejectedRequest   our credentials or request are wrong; nothing happened
        └── OutcomeUnknown            sent, but no readable answer: query, never send blindly again

A decline is not an error but a value (`cift_shared.messaging.outcomes.Declined`).
"""


class CiftError(Exception):
    """Root of our own errors."""


class InvalidCommand(CiftError):
    """The caller's input can't be carried out.

    Attributes:
        code: stable code for programs, as in a problem document.
        pointer: JSON Pointer (RFC 6901) of the offending field, "" when it is the whole body.
    """

    def __init__(self, code: str, message: str, *, pointer: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.pointer = pointer


class RateStale(CiftError):
    """The price of a currency is too old, or its sources contradict each other.

    Attributes:
        currency: its code.
    """

    def __init__(self, currency: str) -> None:
        super().__init__(f"no price of {currency} is new enough and agreed")
        self.currency = currency


class SettingsInvalid(CiftError):
    """A setting is missing or contradicts another; the process must not start."""


class ServerUnreachable(CiftError):
    """A database, broker or API does not answer; the same request may work later."""


class ServerRefused(CiftError):
    """A server answers and refuses; the same request fails again until the cause is removed."""


class SealBroken(CiftError):
    """Sealed personal data can't be opened: unknown key, wrong context or changed bytes."""


class LeaseLost(CiftError):
    """Another process has taken a lease of this process, which must stop the work it protects."""


class SchemaRefused(CiftError):
    """The schema is incompatible with this release; another release or a migration is needed."""


class InvariantViolated(CiftError):
    """Our own state is inconsistent; continuing could move money wrongly."""


class PaymentProcessorError(CiftError):
    """A call to a provider failed; the subclass says what may have happened there.

    Attributes:
        code: stable code, also the failure code shown to the merchant when it becomes final.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProviderUnavailable(PaymentProcessorError):
    """The request was not sent: connection refused, connect time-out, name not found."""


class ProviderThrottled(PaymentProcessorError):
    """The provider refused for now without acting; `retry_after_s` says how long to wait."""

    def __init__(self, code: str, message: str, *, retry_after_s: int) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


class ProviderRejectedRequest(PaymentProcessorError):
    """The provider refused credentials or request and did nothing; an operator must act."""


class OutcomeUnknown(PaymentProcessorError):
    """The request was sent, but there is no readable answer: the money may have moved."""
