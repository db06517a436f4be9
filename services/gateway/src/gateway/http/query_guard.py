"""Refuse unknown query parameters: if they were ignored, a mistyped filter would list everything.

`ApiRoute` checks the requests of every route; the known names are the route's own parameters.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from starlette.datastructures import QueryParams

from gateway.http.pan_detector import holds_card_number
from gateway.http.query import deep_parameters, member_of
from gateway.problems.problem import ERRORS_MAX, Problem

NAME_CHARS_MAX = 100


@dataclass(frozen=True, slots=True)
class KnownParameters:
    """The query parameters of one route."""

    plain: frozenset[str] = frozenset()
    deep: frozenset[str] = field(default=frozenset())
    """Parameters written with brackets: `metadata[order_id]`."""

    @property
    def hint(self) -> str:
        """The sentence in a refusal that lists the known names."""
        names = sorted([*self.plain, *(f"{name}[...]" for name in self.deep)])
        if not names:
            return "This address accepts no query parameters."
        return f"Known here: {', '.join(names)}."

    def takes(self, name: str) -> bool:
        """True when the route reads a parameter of this name."""
        return name in self.plain or member_of(name) in self.deep

    def check(self, given: QueryParams) -> None:
        """Refuse unknown and repeated parameters, and NUL, which the database can't compare.

        Raises:
            Problem: validation_failed, naming each parameter at fault.
        """
        if errors := list(self._errors(given.multi_items()))[:ERRORS_MAX]:
            raise Problem("validation_failed", errors=errors)

    def _errors(self, given: Iterable[tuple[str, str]]) -> Iterator[dict[str, str]]:
        seen: set[str] = set()
        for name, value in given:
            if "\0" in name + value:
                yield _error(name.replace("\0", ""), "field_invalid", "NUL is not accepted.")
            elif not self.takes(name):
                yield _error(name, "field_unknown", f"Unknown query parameter. {self.hint}")
            elif name in seen:
                yield _error(name, "field_invalid", "Send this parameter once.")
            seen.add(name)


def _error(name: str, code: str, detail: str) -> dict[str, str]:
    shown = "" if holds_card_number(name) else name[:NAME_CHARS_MAX]
    return {"in": "query", "parameter": shown, "code": code, "detail": detail}


def known_parameters(dependant: Dependant) -> KnownParameters:
    """The query parameters of a route and of everything it depends on."""
    plain: set[str] = set()
    deep: set[str] = set()
    waiting = [dependant]
    while waiting:
        current = waiting.pop()
        waiting += current.dependencies
        for parameter in current.query_params:
            model = parameter.field_info.annotation
            if isinstance(model, type) and issubclass(model, BaseModel):
                plain |= set(model.model_fields)
                deep |= deep_parameters(model)
            else:
                plain.add(parameter.alias)
    return KnownParameters(frozenset(plain - deep), frozenset(deep))
