"""The base of every message."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError


class Message(BaseModel):
    """Base of every message: frozen; readers ignore fields that a newer writer added."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    schema_version: Literal[1] = 1


def first_problem(error: ValidationError) -> str:
    """The first validation error of a message and its field, without any content of the message."""
    problem = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}".removeprefix(": ")
