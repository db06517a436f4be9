"""What a worker reports about its provider."""

from typing import Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from cift_shared.messaging.message import Message


class RailStatus(Message):
    """Whether a worker's process can use its provider now; sent every few seconds."""

    kind: Literal["rail_status"] = "rail_status"
    rail: str = Field(min_length=1, max_length=64)
    """The name of the worker's rail."""
    instance: str = Field(min_length=1, max_length=255)
    """The name of the worker's process; a replica has the same name after a restart."""
    available: bool
    """True when the process can send a payment to the provider now."""
    reason: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_]{0,63}$")
    """A stable code for why not; None exactly when it is available."""
    reported_at: AwareDatetime
    """By the clock of the worker's process."""
    float_low: list[str] | None = Field(default=None, max_length=200)
    """Currencies in which the balance to pay out from is too low for withdrawals; None: this
    process knows of none. Only one process of a worker reads the balance."""

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if self.available is not (self.reason is None):
            raise ValueError("a reason belongs to what is not available")
        return self
