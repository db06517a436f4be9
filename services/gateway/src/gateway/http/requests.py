"""Base of request bodies: strict types, unknown fields refused."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """Base of every request body."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, use_attribute_docstrings=True
    )
