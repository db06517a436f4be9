"""Response bodies of refusals (RFC 9457)."""

from pydantic import BaseModel, ConfigDict, Field


class FieldErrorOut(BaseModel):
    """An invalid field: a JSON Pointer into the body, or a parameter."""

    model_config = ConfigDict(populate_by_name=True, use_attribute_docstrings=True)

    code: str = Field(examples=["field_required"])
    """Stable identifier for programs: a problem's code, or `field_required`, `field_unknown`,
    `field_invalid`."""
    detail: str | None = Field(default=None, examples=["Field required"])
    """One sentence for the developer who reads it."""
    pointer: str | None = Field(default=None, examples=["/amount"])
    """JSON Pointer (RFC 6901) into the body, for a field of the body."""
    place: str | None = Field(default=None, alias="in", examples=["query"])
    """`query`, `path` or `header`, for a parameter."""
    parameter: str | None = Field(default=None, examples=["limit"])
    """The parameter's name, for a parameter."""


class ProblemOut(BaseModel):
    """A refusal (RFC 9457)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    type: str = Field(examples=["/docs#problem-validation_failed"])
    """Address of the description of this code."""
    title: str = Field(examples=["The request has invalid fields"])
    """What all problems of this code have in common."""
    status: int = Field(examples=[422])
    """The HTTP status code."""
    detail: str = Field(examples=["The request has invalid fields."])
    """One sentence about this request, for the developer who reads it."""
    instance: str = Field(examples=["urn:uuid:019a2f6e-3c1d-7b42-8f10-5a6b7c8d9e0f"])
    """The request's id, also in `X-Request-Id`: quote it in questions to us."""
    code: str = Field(examples=["validation_failed"])
    """Stable identifier for programs."""
    retryable: bool
    """True when the same request may succeed later."""
    errors: list[FieldErrorOut] | None = None
    """The invalid fields, at most twenty; absent when there are none."""
