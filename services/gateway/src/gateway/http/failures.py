"""The problem that a caller gets when our side fails: `unavailable` or `internal_error`."""

import asyncpg
from starlette.types import Scope

from cift_shared.database.pool import INFRASTRUCTURE_ERRORS
from cift_shared.errors import SchemaRefused
from cift_shared.observability.log import get_logger
from cift_shared.runtime.readiness import Readiness
from gateway.problems.problem import Problem

# asyncpg raises the last one if the server closes the connection during a query.
_UNAVAILABLE: tuple[type[BaseException], ...] = (
    *INFRASTRUCTURE_ERRORS,
    asyncpg.InternalClientError,
)

log = get_logger()


async def problem_of_failure(scope: Scope, error: Exception) -> Problem:
    """The problem for an error that is no refusal; the log has the error.

    Args:
        scope: of the request.
        error: what was raised.
    """
    if isinstance(error, _UNAVAILABLE):
        log.warning("gateway.request.unavailable", error=repr(error))
        return Problem("unavailable")
    if isinstance(error, asyncpg.PostgresError):
        return await _refused_by_database(scope, error)
    log.error("gateway.request.failed", exc_info=error)
    return Problem("internal_error")


async def _refused_by_database(scope: Scope, error: asyncpg.PostgresError) -> Problem:
    """`unavailable` when the schema no longer fits this release, else `internal_error`."""
    try:
        await scope["app"].state.parts[Readiness].recheck()
    except SchemaRefused as refused:
        log.warning("gateway.request.unavailable", error=repr(error), problem=str(refused))
        return Problem("unavailable")
    log.error("gateway.request.failed", exc_info=error)
    return Problem("internal_error")
