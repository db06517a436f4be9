"""A provider's charge that belongs to no payment, as a worker reports it to the ledger."""

from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict, Field

_NAMESPACE = UUID("2a0f9d56-8d0c-5c0e-9a53-0f6c5f7b6d11")


def charged_id(rail: str, provider_reference: str) -> UUID:
    """The id of this charge: the same from every replica, at any time."""
    return uuid5(_NAMESPACE, f"{rail}:{provider_reference}")


class ProviderCharge(BaseModel):
    """What was charged for: work on our own money, such as moving it to another address of ours."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    livemode: bool
    cause: str = Field(min_length=1, max_length=40)
    """The kind of work, for operators: `sweep`, `consolidation`, `gas`, `nonce_filler`."""
