"""Keyset paging, forwards and backwards: the rows of a page, and the cursors of its neighbours.

Every list is ordered from the newest row to the oldest. A cursor is the place of a row, not a
number of rows, so rows that are added meanwhile neither move a page nor repeat a row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Request, Response

from gateway.database.queries import Row
from gateway.http.query import PageQuery
from gateway.problems.problem import parameter_problem

Cursor = TypeVar("Cursor")


@dataclass(frozen=True, slots=True)
class Window(Generic[Cursor]):
    """The part of a list that a caller requests."""

    limit: int
    cursor: Cursor | None
    backwards: bool
    """True: the rows before the cursor, which are newer."""

    @property
    def rows_max(self) -> int:
        """Rows to read: one more than the page has shows whether there is another page."""
        return self.limit + 1

    @property
    def order(self) -> str:
        """The SQL order in which rows are read, from the cursor on."""
        return "asc" if self.backwards else "desc"

    @property
    def beyond(self) -> str:
        """The SQL operator between a row of this part and the cursor."""
        return ">" if self.backwards else "<"


def window(query: PageQuery, read: Callable[[str, str], Cursor]) -> Window[Cursor]:
    """The part of the list that a query requests.

    Args:
        query: the query parameters.
        read: parses a cursor; its second argument is the parameter's name.

    Raises:
        Problem: not a cursor of this list, or both `after` and `before`.
    """
    if query.after is not None and query.before is not None:
        detail = "Send after or before, not both."
        raise parameter_problem("validation_failed", detail, place="query", name="before")
    if query.before is not None:
        return Window(query.limit, read(query.before, "before"), backwards=True)
    cursor = None if query.after is None else read(query.after, "after")
    return Window(query.limit, cursor, backwards=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, newest row first."""

    rows: Sequence[Row]
    next_cursor: str | None
    """Cursor of the page with older rows; None when there is none."""
    previous_cursor: str | None
    """Cursor of the page with newer rows; None when there is none."""

    def link(self, request: Request, response: Response, **settled: str) -> None:
        """Add links to the next and previous pages to the Link header (RFC 8288).

        The URLs are relative, so they don't depend on the Host header, which is not trusted.

        Args:
            request: its other query parameters are repeated in the links.
            response: gets the header.
            settled: query parameters that the linked pages must have.
        """
        given = {k: v for k, v in request.query_params.items() if k not in ("after", "before")}
        given |= settled
        links = [
            f'<{request.url.path}?{urlencode({**given, name: cursor})}>; rel="{relation}"'
            for name, relation, cursor in (
                ("before", "prev", self.previous_cursor),
                ("after", "next", self.next_cursor),
            )
            if cursor is not None
        ]
        if links:
            response.headers["Link"] = ", ".join(links)


def page_of(found: Sequence[Row], requested: Window[Any], cursor_of: Callable[[Row], str]) -> Page:
    """Build the page from the rows that were read for a window.

    Args:
        found: at most `requested.rows_max` rows, in `requested.order`.
        requested: the requested part of the list.
        cursor_of: returns the cursor of a row.
    """
    more = len(found) > requested.limit
    rows = found[: requested.limit]
    if requested.backwards:
        rows = rows[::-1]
    # the row at the cursor itself is always on the side that the caller comes from
    older = bool(rows) and (more or requested.backwards)
    newer = bool(rows) and (more if requested.backwards else requested.cursor is not None)
    return Page(
        rows,
        next_cursor=cursor_of(rows[-1]) if older else None,
        previous_cursor=cursor_of(rows[0]) if newer else None,
    )


def list_statement(
    statement: str,
    requested: Window[Any],
    conditions: Mapping[str, str],
    given: Mapping[str, Any],
    *,
    first: int,
) -> tuple[str, list[Any]]:
    """The SQL statement of a list with only the requested conditions, and their arguments.

    Other conditions are not in the text, so that the planner can choose the index of the requested
    ones. Nothing that a caller sends becomes part of the text.

    Args:
        statement: text with {filters} and {order}.
        requested: the requested part of the list.
        conditions: by the filter's name: SQL with `{}` for each argument, {beyond} for the
            comparison with the cursor.
        given: filters by name, a tuple for several arguments; None and {} mean no filter.
        first: number of the first argument.
    """
    filters: list[str] = []
    arguments: list[Any] = []
    for key, condition in conditions.items():
        value = given.get(key)
        if value is None or value == {}:
            continue
        text = condition.replace("{beyond}", requested.beyond)
        for argument in value if isinstance(value, tuple) else (value,):
            text = text.replace("{}", f"${first + len(arguments)}", 1)
            arguments.append(argument)
        filters.append(f"\n  and {text}")
    text = statement.replace("{filters}", "".join(filters)).replace("{order}", requested.order)
    return text, arguments


__all__ = ["Page", "Window", "list_statement", "page_of", "window"]
