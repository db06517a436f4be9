"""Readiness of a process: its database answers, the schema is compatible, the process has its name.

The name is the one of `cift_shared.runtime.instance`.

    /readyz        answers `problem`, in plain words
    loops          begin after `wait`
    subscribers    `guarded`: a batch waits while the schema is incompatible, it is not rejected

The schema is compatible with a process when every migration that the process ships for the schemas
it uses is applied, every function exists at the shipped revision or a later one, and no applied
migration that the process does not ship is marked as needing newer code
(`cift_shared.database.migrations`). So an old replica stays ready while a newer release adds to the
schema, a rollback works, and a migration that removes something makes the replicas that still need
it unready.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence

import asyncpg

from cift_shared.database.migrations import SchemaState, schema_state
from cift_shared.database.pool import INFRASTRUCTURE_ERRORS, Pool
from cift_shared.errors import SchemaRefused
from cift_shared.messaging.record import Handler, Record, RejectedRecord
from cift_shared.observability.log import get_logger
from cift_shared.waiting import backoff_s

ANSWER_S = 3.0
"""Time limit for an answer of the database, including the time to get a connection."""
RECHECK_S = 10.0
"""A compatible schema is compared again after this time; before that one `select 1` is enough."""
WAIT_S_MIN = 0.2
WAIT_S_MAX = 5.0

_UNREACHABLE = "the database can't be reached"
_NOT_TRUSTED = "the database's certificate is not one that sslrootcert of DATABASE_URL trusts"
_NO_NAME = "the process does not have its name (CIFT_INSTANCE) yet, another one may have it"
_REFUSED: tuple[tuple[type[asyncpg.PostgresError], str], ...] = (
    (asyncpg.InvalidParameterValueError, "the service's role is missing: run `cift migrate`"),
    (asyncpg.InvalidCatalogNameError, "the database that DATABASE_URL names does not exist"),
    (asyncpg.InvalidAuthorizationSpecificationError, "the database refuses DATABASE_URL's login"),
    (
        asyncpg.InsufficientPrivilegeError,
        "DATABASE_URL's login may not act in the service's role, or `cift migrate` has not run",
    ),
)
"""Server errors at connect, each with its text; the first two occur before the first migration."""

log = get_logger()


class Readiness:
    """Whether one process can work on its database."""

    def __init__(
        self,
        pool: "Pool[asyncpg.Record]",
        schemas: Sequence[str],
        *,
        is_named: Callable[[], bool] = lambda: True,
    ) -> None:
        """Sends no query yet; `schemas` are those that the process uses."""
        self._pool = pool
        self._schemas = tuple(schemas)
        self._is_named = is_named
        self._compatible_at: float | None = None
        self._logged_problem: str | None = None
        self.was_ready = False
        """True once the process was ready, even if it no longer is."""

    async def problem(self) -> str | None:
        """The reason why the process can't work, in plain words; None: it can."""
        try:
            async with asyncio.timeout(ANSWER_S), self._pool.acquire() as connection:
                if self._is_fresh():
                    await connection.fetchval("select 1")
                    return None
                state = await schema_state(connection, schemas=self._schemas)
        except ssl.SSLError as error:
            return self._not_ready(_NOT_TRUSTED, error)
        except INFRASTRUCTURE_ERRORS as error:
            return self._not_ready(_UNREACHABLE, error)
        except asyncpg.PostgresError as error:
            return self._not_ready(_refusal(error), error)
        return self._evaluate(state)

    async def require(self) -> None:
        """Return if the schema is compatible; compares it at most every `RECHECK_S` seconds.

        Raises:
            SchemaRefused: the schema is not compatible, or the database can't be queried.
        """
        if self._is_fresh():
            return
        problem = await self.problem()
        if problem is not None:
            raise SchemaRefused(problem)

    async def wait(self) -> None:
        """Return once the process can work; until then the reason why it can't is logged."""
        failures = 0
        while await self.problem() is not None:
            failures += 1
            await asyncio.sleep(backoff_s(failures, first_s=WAIT_S_MIN, longest_s=WAIT_S_MAX))

    def guarded(self, handler: Handler) -> Handler:
        """The handler, with a check of the schema before each batch.

        A record that fails because the schema is incompatible is not at fault: the subscriber
        passes it again.
        """

        async def handle(records: Sequence[Record]) -> Sequence[RejectedRecord]:
            await self.require()
            try:
                return await handler(records)
            except INFRASTRUCTURE_ERRORS:
                raise
            except asyncpg.PostgresError:
                await self.recheck()
                raise

        return handle

    async def recheck(self) -> None:
        """Compare again now: called after an error that an incompatible schema may have caused.

        Raises:
            SchemaRefused: as `require`.
        """
        self._compatible_at = None
        await self.require()

    def _is_fresh(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._compatible_at is not None and now - self._compatible_at < RECHECK_S

    def _evaluate(self, state: SchemaState) -> str | None:
        if not state.fits:
            return self._not_ready(str(state))
        if not self._is_named():
            return self._not_ready(_NO_NAME)
        if self._logged_problem is not None:
            log.info("database.ready")
        self.was_ready, self._logged_problem = True, None
        self._compatible_at = asyncio.get_running_loop().time()
        return None

    def _not_ready(self, problem: str, error: BaseException | None = None) -> str:
        """Store the problem, and log it once until it changes."""
        if problem != self._logged_problem:
            log.warning("database.not_ready", problem=problem, error=repr(error) if error else None)
        self._logged_problem = problem
        return problem


def _refusal(error: asyncpg.PostgresError) -> str:
    for kind, text in _REFUSED:
        if isinstance(error, kind):
            return text
    return f"the database refuses (SQLSTATE {error.sqlstate})"
