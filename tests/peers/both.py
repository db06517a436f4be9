"""Each request goes to our twin and to stripe-mock; which of its fields does our answer lack?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from provider_sandbox.stripe import operations

Field = tuple[str, str]
"""Kind of the object, and the field's path in it: ``("charge", "outcome.rule")``."""

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
"""As Stripe's libraries send it with an empty body, too; stripe-mock insists on it."""


@dataclass
class Both:
    """Asks both; stripe-mock must accept each request that the twin accepts."""

    twin: httpx.AsyncClient
    mock: httpx.AsyncClient
    lacking: set[Field] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    """Operations, as the twin names them."""

    async def get(self, path: str, **params: Any) -> Any:
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, **form: Any) -> Any:
        return await self._ask("POST", path, data=form, headers=_FORM)

    async def delete(self, path: str) -> Any:
        return await self._ask("DELETE", path, headers=_FORM)

    async def control(self, method: str, path: str, **body: Any) -> Any:
        """To the twin alone."""
        answer = await self.twin.request(method, f"/control{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        ours, theirs = [
            await client.request(method, path, **more) for client in (self.twin, self.mock)
        ]
        assert (ours.status_code, theirs.status_code) == (200, 200), (path, ours.text, theirs.text)
        found = operations.find(method, path)
        assert found is not None
        self.asked.add(found[0].key)
        self.lacking |= set(lacking(theirs.json(), ours.json()))
        return ours.json()


def lacking(theirs: Any, ours: Any, kind: str = "", path: str = "") -> Iterator[Field]:
    """Every field of theirs that ours has not; what is null, empty or an id here ends the look.

    Rows of a list are compared with our first one: all rows of a list have one kind.
    """
    if isinstance(theirs, list) and isinstance(ours, list):
        for row in theirs[:1] if ours else ():
            yield from lacking(row, ours[0], kind, path)
    if not (isinstance(theirs, dict) and isinstance(ours, dict)):
        return
    if theirs.get("object") != ours.get("object"):
        return  # the example in an event is of another kind than ours
    if "object" in theirs:
        kind, path = str(theirs["object"]), ""
    for name, value in theirs.items():
        here = f"{path}.{name}" if path else name
        if name not in ours:
            yield kind, here
        else:
            yield from lacking(value, ours[name], kind, here)
