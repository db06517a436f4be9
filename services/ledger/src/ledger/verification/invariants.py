"""The invariants of the ledger as SQL queries, run over the whole ledger or a part of its log.

The files `sql/invariants*.sql` contain the queries. A query runs over the whole ledger, or over
windows of the log: ranges of positions. Each name in braces in a query is replaced by a table, or
by the rows of that table that belong to the window.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.resources import files
from typing import Any

from ledger.chain.hash_chain import START, Block, walk

EXAMPLES_MAX = 5
TX_A_POSITION = 8

_HEADING = re.compile(
    r"^-- invariant: (?P<name>[a-z_]+)\n-- (?P<full>\(full\) )?(?P<rule>.+(?:\n-- .+)*)$",
    re.MULTILINE,
)
_PARTS = {
    "{ledger_tx}": "select * from ledger.ledger_tx where tx_id > {after_tx} and tx_id <= {to_tx}",
    "{entry}": "select * from ledger.entry where tx_id > {after_tx} and tx_id <= {to_tx}",
    "{payment_event}": (
        "select * from ledger.payment_event where event_seq > {after} and event_seq <= {to}"
    ),
    "{input}": "select * from ledger.input where position > {after} and position <= {to}",
    "{payment}": (
        "select * from ledger.payment where payment_id in (select payment_id "
        "from ledger.payment_event where event_seq > {after} and event_seq <= {to})"
    ),
}
_BLOCK_UP_TO = """
select block_id, from_tx, to_tx, transactions, height, tx_ids, digests, prev_hash, hash
from ledger.block where to_tx <= $1 order by to_tx desc limit 1
"""
_BLOCK_FROM = "select block_id from ledger.block where to_tx >= $1 order by to_tx limit 1"


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the log: positions after `after` and up to `to`."""

    after: int
    to: int

    @property
    def after_tx(self) -> int:
        """The last transaction id before the window."""
        return self.after * TX_A_POSITION + TX_A_POSITION - 1

    @property
    def to_tx(self) -> int:
        """The last transaction id of the window."""
        return self.to * TX_A_POSITION + TX_A_POSITION - 1


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule that must always hold, and the query that finds its violations."""

    name: str
    rule: str
    query: str
    """Returns one column, `subject`, and one row for each violation."""
    only_full: bool = False
    """True when the query makes sense only over the whole ledger."""

    @property
    def is_windowed(self) -> bool:
        """True when the query can run over a part of the log."""
        return any(part in self.query for part in _PARTS)

    def over(self, window: Window | None) -> str:
        """The query for a part of the log; for the whole ledger when `window` is None."""
        query = self.query
        for part, text in _PARTS.items():
            name = f"ledger.{part[1:-1]}"
            if window is not None:
                name = "(" + text.format(
                    after=window.after, to=window.to, after_tx=window.after_tx, to_tx=window.to_tx
                )
                name += ")"
            query = query.replace(part, name)
        return query


CHAIN = Invariant(
    "chain_is_unbroken",
    "Recomputed from the journal, every link of the hash chain is the one that was sealed.",
    "",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """How often an invariant is violated, with a few examples."""

    invariant: Invariant
    violations: int
    examples: Sequence[str]


def load_invariants(pattern: str = "invariants*.sql") -> list[Invariant]:
    """Every invariant that is a query, in the order of the files."""
    folder = files("ledger.verification") / "sql"
    names = sorted(entry.name for entry in folder.iterdir() if fnmatch(entry.name, pattern))
    texts = [(folder / name).read_text("utf-8") for name in names]
    return [invariant for text in texts for invariant in _read(text)]


def _read(text: str) -> list[Invariant]:
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return [
        Invariant(
            heading["name"],
            heading["rule"].replace("\n-- ", " "),
            text[heading.end() : end].strip().rstrip(";"),
            heading["full"] is not None,
        )
        for heading, end in zip(headings, ends, strict=True)
    ]


async def verify(
    connection: Any,
    windows: Sequence[Window] | None = None,
    whole: Collection[str] = (),
    *,
    on_checked: Callable[[], None] = lambda: None,
) -> list[Finding]:
    """Check every invariant in one snapshot, so that concurrent writes don't affect it.

    Args:
        connection: not in a transaction.
        windows: the parts of the log to check; None: the whole ledger.
        whole: names of invariants to check over the whole ledger although windows are given.
        on_checked: called after each invariant.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("set local statement_timeout = '15min'")
        findings = []
        for invariant in load_invariants():
            if windows is None or invariant.name in whole:
                findings.append(await _check(connection, invariant, None))
            elif not invariant.only_full:
                findings.append(await _check_windows(connection, invariant, windows))
            on_checked()
        chained = None if CHAIN.name in whole else windows
        findings.append(await _check_chain(connection, chained))
        return findings


async def _check_windows(
    connection: Any, invariant: Invariant, windows: Sequence[Window]
) -> Finding:
    """Check the windows; check everything when one has a violation or the query has no windows."""
    if invariant.is_windowed:
        found = [await _check(connection, invariant, window) for window in windows]
        if not any(finding.violations for finding in found):
            return Finding(invariant, 0, [])
    return await _check(connection, invariant, None)


async def _check(connection: Any, invariant: Invariant, window: Window | None) -> Finding:
    row = await connection.fetchrow(
        f"select count(*) as violations, (array_agg(subject))[1:{EXAMPLES_MAX}] as examples "  # noqa: S608  our own file
        f"from ({invariant.over(window)}) broken"
    )
    return Finding(invariant, row["violations"], row["examples"] or [])


async def _check_chain(connection: Any, windows: Sequence[Window] | None) -> Finding:
    if windows is None:
        breaks = (await walk(connection)).breaks
    else:
        breaks = []
        for window in windows:
            before = await connection.fetchrow(_BLOCK_UP_TO, window.after_tx)
            breaks += (
                await walk(
                    connection,
                    before=START if before is None else Block(**before),
                    last_block=await connection.fetchval(_BLOCK_FROM, window.to_tx),
                )
            ).breaks
    return Finding(CHAIN, len(breaks), [str(found) for found in breaks[:EXAMPLES_MAX]])
