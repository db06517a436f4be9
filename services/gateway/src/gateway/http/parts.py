"""The parts of the running gateway, found by their type; each is built once, at the start.

An endpoint declares the parts that it needs: `payments: Annotated[Payments, part(Payments)]`.
"""

from typing import Any, TypeVar, cast

from fastapi import Depends, Request

Part = TypeVar("Part")


class Parts:
    """Services, repositories and the objects that they share, one of each type."""

    def __init__(self, *parts: object) -> None:
        self._by_type: dict[type, object] = {type(part): part for part in parts}

    def __getitem__(self, kind: type[Part]) -> Part:
        """The part of exactly this type.

        Raises:
            KeyError: the gateway has no such part.
        """
        return cast("Part", self._by_type[kind])


def parts_of(request: Request) -> Parts:
    """The parts of the application that handles a request."""
    return cast("Parts", request.app.state.parts)


def part(kind: type) -> Any:
    """A dependency of an endpoint: the part of this type."""

    # A coroutine although it awaits nothing: the framework would run a plain function in a thread.
    async def find(request: Request) -> Any:
        return parts_of(request)[kind]

    return Depends(find)
