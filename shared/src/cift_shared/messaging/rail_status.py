"""What a worker reports about its provider."""

from typing import Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from cift_shared.messaging.message import Message
from cift_shared.money.amount import Money, WireMoney
from cift_shared.money.fees import Direction

NETWORK_FEE_DIGITS_MAX = 24
"""More than any network charges in minor units (wei), and few enough that no conversion of it
exceeds the digits of an amount."""


class NetworkFee(BaseModel):
    """A worker's estimate of what the network charges for one payment."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    type: Direction
    """The kind of payment."""
    currency: str = Field(pattern=r"^[A-Z]{3,10}$")
    """The currency of the payment."""
    fee: WireMoney
    """What the network charges, from zero up; it can be in another currency than the payment."""
    estimated_at: AwareDatetime
    """By the clock of the worker's process."""

    @field_validator("fee")
    @classmethod
    def _is_a_fee(cls, fee: Money) -> Money:
        if not 0 <= fee.minor < 10**NETWORK_FEE_DIGITS_MAX:
            raise ValueError("not the fee of a network")
        return fee


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
    network_fees: list[NetworkFee] | None = Field(default=None, max_length=200)
    """The newest estimates of this process; None: it has made none. Estimates get older while the
    provider does not answer: readers decide how long they count."""

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if self.available is not (self.reason is None):
            raise ValueError("a reason belongs to what is not available")
        return self
