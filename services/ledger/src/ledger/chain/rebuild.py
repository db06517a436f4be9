"""Rebuild the ledger from its log: the same inputs give the same balances and chain head.

The log is JSON Lines in the order of positions, one line per input:

    {"position": 41, "kind": "...", "input": {...}}

    kind               input                               replayed by
    accepted           the payment as it was accepted      ledger.accept_payment, accept_refund
    cancel_requested   payment_id, merchant_id, ..., at    ledger.request_cancel
    result             the result as it was sent           ledger.apply_results (in batches),
                                                           ledger.apply_post_settlement
    any other          a row of ledger.input               the function that ledger.input_kind names

To add another kind of input, write a migration with

    insert into ledger.input_kind (kind, replayed_by) values ('conversion', 'convert');

and a file in `functions/`:

    create or replace function ledger.convert(p jsonb) ...  -- the function that the service calls
        perform ledger.lock_balances(...);               -- all balances that it changes
        place := ledger.take_input('conversion', p);     -- takes a position, stores the input
        perform ledger.write_transaction(place, 0, ...);

`p` contains everything that the result depends on: amounts, rates, names, the actor, and every time
(`effective_at`). The function must not use now(), random values or serial numbers: it identifies
accounts by tenant and code, holds by their key, payments by their id. An input that is refused, or
that the ledger has already, takes no position. All other rows that the function writes under its
position (a payment's event has `event_seq` = the position) are written again by the replay and are
not exported. An effect of time alone (a hold that expires) is an input, too.

A replay sends no messages: it deletes the rows of its outbox as they are written. A new table that
a rebuild must restore has to be listed in `sql/compare.sql`.
"""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from cift_shared.errors import CiftError
from ledger.chain.hash_chain import Connection, head_of_journal
from ledger.chain.sealer import Mark, seal_up_to

POSITIONS_A_READ = 2_000
INPUTS_A_COMMIT = 500
RESULTS_A_CALL = 500
BIGINT_MAX = 2**63 - 1
ALONE = frozenset({"reversed", "reinstated", "disputed"})
"""Kinds of results that are applied one by one."""

# The input of an acceptance: the columns of the payment that no later input changes. The amounts,
# which an operator may change, come from its first event. The instrument comes from the command,
# because a replayed result adds its own data to it again.
_INPUTS = """
select position, json_build_object('position', position, 'kind', kind, 'input', input)::text as line
from (
    select e.event_seq as position,
        case when e.result_id is null then e.kind else 'result' end as kind,
        case
            when e.result_id is not null then e.detail
            when e.kind = 'accepted' then to_jsonb(p) - array[
                'status', 'version', 'updated_at', 'refunded_minor', 'refund_pending_minor',
                'reversed_minor', 'disputed_minor', 'provider_reference', 'provider_fee_minor',
                'provider_fee_currency', 'suspense_posted', 'failure', 'next_action',
                'requested_minor', 'next_check_at', 'attempt_id', 'attempt_seq', 'heard_at',
                'sweep_count', 'swept_at',
                'customer_account_id', 'provider_account_id', 'fees_account_id',
                'merchant_account_id'] || e.detail || jsonb_build_object('instrument',
                    coalesce(p.command->'body'->'instrument', p.instrument)) || case
                    when p.merchant_account_id is null then '{}'
                    else '{"fee_bearer": "merchant"}'::jsonb end
            else jsonb_build_object(
                'payment_id', p.payment_id, 'merchant_id', p.merchant_id, 'livemode', p.livemode,
                'at', e.occurred_at)
        end as input
    from ledger.payment_event e
    join ledger.payment p using (payment_id)
    where e.event_seq > $1 and e.event_seq <= $2
      and (e.result_id is not null or e.kind in ('accepted', 'cancel_requested'))
    union all
    select position, kind, input from ledger.input where position > $1 and position <= $2
) inputs
order by position
"""
_LAST_POSITION = """
select greatest(
    (select max(event_seq) from ledger.payment_event), (select max(position) from ledger.input), 0)
"""
_REPLAY_RESULTS = """
select ledger.replay_results($1, (
    select jsonb_agg(line->'input' order by place)
    from jsonb_array_elements($2::text::jsonb) with ordinality as sent (line, place)))
"""
_REPLAY_INPUT = "select ledger.replay_input($1, $2, $3::text::jsonb->'input')"
_IS_EMPTY = """
select not exists (select from ledger.account) and not exists (select from ledger.payment_event)
    and not exists (select from ledger.input) and not exists (select from ledger.block)
"""


class RebuildFailed(CiftError):
    """The log can't be read, or an input has another effect than it had before."""


@dataclass(frozen=True, slots=True)
class End:
    """The last line of a log: the state that the exported ledger had reached."""

    inputs: int
    transactions: int
    head: bytes
    """The link after the last transaction of the journal, sealed or not."""

    def line(self, position: int) -> str:
        """The line as JSON text."""
        content = {
            "inputs": self.inputs,
            "transactions": self.transactions,
            "head": self.head.hex(),
        }
        return json.dumps({"position": position, "kind": "end", "input": content})


async def export_log(connection: Connection) -> AsyncIterator[str]:
    """The log of the ledger: one line per input, then the end line.

    Args:
        connection: in a transaction with one snapshot; times are written in its time zone.
    """
    last: int = await connection.fetchval(_LAST_POSITION)
    inputs = 0
    for after in range(0, last, POSITIONS_A_READ):
        to = min(after + POSITIONS_A_READ, last)
        for row in await connection.fetch(_INPUTS, after, to):
            inputs += 1
            yield row["line"]
    transactions, head = await head_of_journal(connection)
    yield End(inputs, transactions, head).line(last)


class Replay:
    """Replays a log into an empty ledger, line by line.

    Results with consecutive positions are applied together. The size of such a batch must not
    change the outcome; a rebuild verifies exactly that.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        batch_size: int = RESULTS_A_CALL,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._connection = connection
        self._batch_size = batch_size
        self._on_progress = on_progress
        self._results: list[str] = []
        self._next_position = 0
        self._inputs = 0
        self._end: End | None = None

    async def begin(self) -> None:
        """Check that the ledger to rebuild into is empty.

        Raises:
            RebuildFailed: it is not empty.
        """
        if not await self._connection.fetchval(_IS_EMPTY):
            raise RebuildFailed("the target database of the rebuild already has a ledger")

    async def take(self, lines: list[str]) -> None:
        """Replay some lines in one transaction.

        Raises:
            RebuildFailed: a line can't be read or is out of order, or the database raised an error
                when it was replayed.
        """
        async with self._connection.transaction():
            for line in lines:
                await self._take_line(line)
            await self._flush()
            await self._connection.execute("delete from ledger.outbox")

    async def finish(self) -> End:
        """Seal everything; returns the end line, the state that the exported ledger had reached.

        Raises:
            RebuildFailed: the log ends too early.
        """
        if self._end is None or self._end.inputs != self._inputs:
            raise RebuildFailed(f"the log is cut off after {self._inputs} inputs")
        while await seal_up_to(self._connection, Mark(BIGINT_MAX, None)):
            await self._connection.execute("delete from ledger.outbox")
        return self._end

    async def _take_line(self, line: str) -> None:
        position, kind, content = _read(line, self._inputs + 1)
        if self._end is not None or (kind != "end" and position < self._next_position):
            raise RebuildFailed(f"position {position} is out of order")
        if kind == "end":
            self._end = _read_end(content)
            return
        in_batch = kind == "result" and content.get("kind") not in ALONE
        if not in_batch or position != self._next_position:
            await self._flush()
        self._next_position = position + 1
        self._inputs += 1
        if in_batch:
            self._results.append(line)
            if len(self._results) >= self._batch_size:
                await self._flush()
        else:
            await self._call(position, _REPLAY_INPUT, position, kind, line)
            self._on_progress(1)

    async def _flush(self) -> None:
        if not self._results:
            return
        results, self._results = self._results, []
        first = self._next_position - len(results)
        await self._call(first, _REPLAY_RESULTS, first, f"[{','.join(results)}]")
        self._on_progress(len(results))

    async def _call(self, position: int, statement: str, *arguments: object) -> None:
        try:
            await self._connection.execute(statement, *arguments)
        except asyncpg.PostgresError as error:
            # only the message: the error's detail contains values of the row
            raise RebuildFailed(f"position {position}: {error.args[0]}") from error


def _read(line: str, number: int) -> tuple[int, str, dict[str, Any]]:
    try:
        parsed = json.loads(line)
        position, kind, content = parsed["position"], parsed["kind"], parsed["input"]
    except (ValueError, KeyError, TypeError) as error:
        raise RebuildFailed(f"line {number} of the log can't be read") from error
    if not (type(position) is int and isinstance(kind, str) and isinstance(content, dict)):
        raise RebuildFailed(f"line {number} of the log can't be read")
    return position, kind, content


def _read_end(content: dict[str, Any]) -> End:
    try:
        return End(content["inputs"], content["transactions"], bytes.fromhex(content["head"]))
    except (ValueError, KeyError, TypeError) as error:
        raise RebuildFailed("the last line of the log can't be read") from error
