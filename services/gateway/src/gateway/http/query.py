"""The base class of query parameters, and the parameters that every list has."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.openapi.text import DEEP

_MEMBER = re.compile(r"([a-z_]+)\[(.*)\]", re.DOTALL)
PageCursor = Annotated[
    str, Field(max_length=200, examples=["WyIyMDI2LTAxLTMxVDEyOjAwOjAwKzAwOjAwIiwiMDE5YSJd"])
]
ProviderReference = Annotated[
    str, StringConstraints(pattern=r"^[!-~]{1,255}$"), Field(examples=["TIB4K2P9QX"])
]


def member_of(name: str) -> str | None:
    """`metadata` for `metadata[order_id]`; None for a name without brackets."""
    match = _MEMBER.fullmatch(name)
    return match.group(1) if match else None


class Query(BaseModel):
    """Base of every set of query parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, given: Any) -> Any:
        """Collect parameters like `metadata[order_id]=1001` in one dictionary per name."""
        gathered: dict[str, Any] = {}
        for name, value in given.items():
            match = _MEMBER.fullmatch(name)
            if match and match.group(1) in deep_parameters(cls):
                gathered.setdefault(match.group(1), {})[match.group(2)] = value
            else:
                gathered[name] = value
        return gathered


def deep_parameters(model: type[BaseModel]) -> frozenset[str]:
    """The parameters of a model that are written with brackets."""
    return frozenset(
        name
        for name, field in model.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get(DEEP)
    )


class PageQuery(Query):
    """Which part of a list to show."""

    limit: int = Field(default=20, ge=1, le=100, examples=[50])
    """Rows on a page."""
    after: PageCursor | None = None
    """`next_cursor` of a page: the rows that follow it, which are older."""
    before: PageCursor | None = None
    """`previous_cursor` of a page: the rows that come before it, which are newer."""
