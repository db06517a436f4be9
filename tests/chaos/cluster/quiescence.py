"""Whether a cluster has come to rest: what is still open in it, and what is still on its way."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from cift_shared.messaging.topics import RAIL_STATUSES
from tests.chaos.cluster.cluster import SERVICES, TWINS, Cluster
from tests.chaos.rails.installed import TRAFFIC

WORKERS = tuple(name for name in SERVICES if name not in ("gateway", "ledger"))

_OPEN = """
select payment_id::text from ledger.payment
 where status in ('pending', 'processing', 'requires_action')
"""
_NOBODY_KNOWS = """
select attempt.payment_id::text
  from {schema}.attempt
 where attempt.state = 'unknown' and attempt.fingerprint is null
   and attempt.operation = 'deposit'
   and attempt.lease_owner is null
   and not exists (select from {schema}.notice
                    where notice.attempt_id = attempt.attempt_id and notice.handled_at is null)
"""
"""A request may have been sent, and the id to ask by never came: only a webhook can still help."""
_QUEUED = f"select count(*) from {{schema}}.outbox where topic <> '{RAIL_STATUSES}'"
"""Workers report about their rails for ever."""
_RESULTS = """
select count(*)
  from {schema}.attempt, generate_series(1, seq) as place
 where operation in ('deposit', 'withdrawal', 'refund')
   and not exists (select from ledger.payment_event where result_id = attempt_id || '.' || place)
"""
LOOK_SOON_S = 6
"""Longer than the first look at an expired push takes to come at the cluster's speed, and than the
gap after a look that failed; the later ones find what is not part of a schedule."""
_LOOKS = """
select count(*)
  from {schema}.attempt join ledger.payment using (payment_id)
 where attempt.state = 'done'
   and (attempt.lease_owner is not null
        or attempt.next_check_at <= now()
        or payment.status = 'expired'
           and attempt.next_check_at < now() + make_interval(secs => $1))
"""
"""Payments that expired, and that a query in progress or soon to come may find paid after all; and
payments that ended and are being queried, which may have been reversed."""
_UNSEALED = """
select count(*) from ledger.ledger_tx
 where tx_id > coalesce((select max(to_tx) from ledger.block), 0)
"""
"""Each seal announces a head, so the ledger rests once nothing is left to seal."""
NOT_FOUND = 404
_WEBHOOKS = "select count(*) from gateway.inbox where disposition = 'published'" + "".join(
    f" and not exists (select from {schema}.notice where notice.notice_id = inbox.notice_id)"
    for schema in TRAFFIC
)
"""Those that no worker has stored. They are matched by id: a worker may add notices of its own."""


@dataclass(frozen=True, slots=True)
class Look:
    """A cluster at one moment."""

    ending: frozenset[str]
    """Open payments that must come to an end by themselves."""
    indefinite: frozenset[str]
    """Open payments whose end nobody can know before somebody tells."""
    travelling: str
    """What is on its way; empty: nothing."""


class Watch:
    """Looks at a cluster again and again, over connections that are made again when they break."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._http = httpx.AsyncClient(timeout=2)
        self._connection: Any = None
        self.hangs: str | None = None
        """A process that hangs by plan."""

    async def look(self) -> Look | None:
        """Looks at PostgreSQL and at the twins; None while one of them is away."""
        try:
            return await self._look()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._forget()
        except httpx.HTTPError:
            pass
        return None

    async def is_still(self) -> bool:
        """Freezes the workers, which ask about open payments for ever, and looks once more.

        True: nothing moves until `go_on`, so that what is gathered now belongs together.
        """
        for name in self._workers():
            self._cluster.stop(name)
        seen = await self.look()
        if seen is not None and not seen.ending and not seen.travelling:
            return True
        self.go_on()
        return False

    def go_on(self) -> None:
        """Lets the workers go on, but for one that hangs."""
        for name in self._workers():
            if name != self.hangs:
                self._cluster.resume(name)

    def _workers(self) -> list[str]:
        return [name for worker in WORKERS for name in self._cluster.replicas(worker)]

    async def aclose(self) -> None:
        """Lets connections go."""
        self._forget()
        await self._http.aclose()

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _look(self) -> Look:
        if self._connection is None:
            self._connection = await asyncpg.connect(
                self._cluster.database_url, timeout=2, command_timeout=5
            )
        open_ids = {row["payment_id"] for row in await self._connection.fetch(_OPEN)}
        unknown, travelling = await _by_schema(self._connection)
        for name in TWINS:
            answer = await self._http.get(f"{self._cluster.stack.url(name)}/control/pending")
            if answer.status_code == NOT_FOUND:  # a twin that posts nothing by itself
                continue
            pending = answer.json()
            travelling |= {f"{kind} at {name}": count for kind, count in pending["agenda"].items()}
            for state in ("waiting", "sending"):
                travelling[f"callbacks {state} of {name}"] = pending["callbacks"].get(state, 0)
        words = ", ".join(f"{count} {what}" for what, count in travelling.items() if count)
        return Look(frozenset(open_ids - unknown), frozenset(open_ids & unknown), words)


async def _by_schema(connection: Any) -> tuple[set[str], dict[str, int]]:
    """Payments with an outcome nobody can know, and what is on its way inside the platform."""
    unknown: set[str] = set()
    travelling = {
        "webhooks": await connection.fetchval(_WEBHOOKS),
        "not sealed": await connection.fetchval(_UNSEALED),
    }
    for schema in ("gateway", "ledger", *TRAFFIC):
        queued = await connection.fetchval(_QUEUED.format(schema=schema))
        travelling[f"in {schema}.outbox"] = queued
    for schema, traffic in TRAFFIC.items():
        found = await connection.fetch(_NOBODY_KNOWS.format(schema=schema))
        unknown.update(row["payment_id"] for row in found)
        if traffic.resolvable:
            told = await connection.fetch(traffic.resolvable)
            unknown.difference_update(row["payment_id"] for row in told)
        travelling[f"{schema} results"] = await connection.fetchval(_RESULTS.format(schema=schema))
        looks = await connection.fetchval(_LOOKS.format(schema=schema), LOOK_SOON_S)
        travelling[f"looks of {schema}"] = looks
    return unknown, travelling
