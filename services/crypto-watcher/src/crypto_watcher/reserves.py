"""`cift wallet reserves`: what we hold on the chains, as the nodes say, against the ledger.

Watcher and ledger are read in one snapshot of the database, the nodes at the block that the watcher
has read. What is on its way between them is gone a moment later, so a difference counts only if it
lasts.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import click

import bitcoin_watcher.reserves as bitcoin
import ethereum_watcher.reserves as ethereum
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.processor import nodes_of as bitcoin_nodes
from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.terms import terms_of as bitcoin_terms
from chain_watch.reserve_store import Snapshot
from chain_watch.reserves import Holding, Line, Reserves, compare
from chain_watch.rpc import NodeFailed
from cift_shared.cli import Exit, Output, Table, WrongInput, command, environment
from cift_shared.database.connecting import database
from cift_shared.database.pool import Connection
from cift_shared.errors import InvalidCommand, ServerUnreachable
from cift_shared.money.amount import Money, parse_money
from cift_shared.settings import load_if_set
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.processor import nodes_of as ethereum_nodes
from ethereum_watcher.settings import EthereumConfig
from ethereum_watcher.terms import terms_of as ethereum_terms

READER = "cift_operator"
BOOKED = (
    "select currency, name, minor from ledger.provider_movement where rail = $1 and tenant = $2"
)
OWED = "select currency, kind, minor from ledger.owed where mode = $1 and coalesce(rail, $2) = $2"
AGAIN_S = 1.0
_HEADINGS = ["CHAIN", "CURRENCY", "BLOCK", "NODES", "LEDGER", "OPEN", "OWN", "DIFFERENCE", "OWED"]

_Own = Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """How one chain is read."""

    name: str
    role: str
    mode: str
    currencies: Sequence[str]
    has_own: bool
    """True if the house pays money in without a payment: to the account that pays in ether."""
    read: Callable[[Connection], Awaitable[Snapshot]]
    at_nodes: Callable[[Snapshot], Awaitable[list[Holding]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found of one currency."""

    chain: str
    snapshot: Snapshot
    reserves: Reserves
    owed: int
    """To customers."""
    suspense: int
    """Parked or in review: held for an owner who is not known yet."""

    def document(self) -> dict[str, Any]:
        """As JSON shows it: amounts as decimal text."""
        found = self.reserves
        return {
            "chain": self.chain,
            "currency": found.currency,
            "height": self.snapshot.head.height,
            "block": self.snapshot.head.hash,
            "final_height": self.snapshot.final_height,
            "nodes": self._text(found.nodes),
            "watcher": self._text(found.watcher),
            "ledger": self._text(found.booked),
            "own": self._text(found.own),
            "open": [self._line(one) for one in found.opened],
            "differences": [self._line(one) for one in found.findings],
            "agrees": found.agrees,
            "owed_to_customers": self._text(self.owed),
            "in_suspense": self._text(self.suspense),
        }

    def row(self) -> list[str]:
        """As the table shows it."""
        found = self.reserves
        opened, wrong = _sum(found.opened), _sum(found.findings)
        numbers = found.nodes, found.booked, opened, found.own, wrong, self.owed
        head = str(self.snapshot.head.height)
        return [self.chain, found.currency, head, *map(self._text, numbers)]

    def lines(self) -> list[list[str]]:
        """Open items by their reason, and each difference."""
        found, sums = self.reserves, defaultdict(list)
        for one in found.opened:
            sums[one.reason].append(one)
        opened = [
            [found.currency, "open", reason, f"{len(lines)} items", self._text(_sum(lines))]
            for reason, lines in sorted(sums.items())
        ]
        wrong = [
            [found.currency, "difference", one.reason, one.name, self._text(one.minor)]
            for one in found.findings
        ]
        return [*opened, *wrong]

    def _line(self, one: Line) -> dict[str, str]:
        return {"reason": one.reason, "name": one.name, "amount": self._text(one.minor)}

    def _text(self, minor: int) -> str:
        return Money(minor, self.reserves.currency).text


@command("reserves")
@click.option(
    "--own",
    "declared",
    multiple=True,
    metavar="CURRENCY=AMOUNT",
    help="Money of the house that the ledger does not have.",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.IntRange(0, 600),
    default=10,
    show_default=True,
    help="A difference counts if it lasts so many seconds.",
)
async def reserves(declared: Sequence[str], wait_s: int) -> Output:
    """Compare what we hold on the chains with the ledger.

    Asks the nodes for every coin and address of ours
    at one block. Exits with 1 if there is a difference
    that no open item explains.
    """
    own, dsn = _own(declared), environment("DATABASE_URL")
    async with _chains() as chains:
        found = [one for chain in chains for one in await _lasting(dsn, chain, own, wait_s)]
    details = [line for one in found for line in one.lines()]
    return Output(
        [one.document() for one in found],
        [
            Table(_HEADINGS, [one.row() for one in found], range(3, len(_HEADINGS))),
            Table(["CURRENCY", "WHAT", "REASON", "NAME", "AMOUNT"], details, [4]),
        ],
        [line.name for one in found for line in one.reserves.findings],
        Exit.OK if all(one.reserves.agrees for one in found) else Exit.FINDING,
    )


async def _lasting(dsn: str, chain: Chain, own: _Own, wait_s: int) -> list[Found]:
    """What is found once nothing differs, or after this time.

    Raises:
        ServerUnreachable: the nodes can't be used, or watcher and nodes have no block in common.
    """
    clock = asyncio.get_running_loop()
    until = clock.time() + wait_s
    while True:
        is_last = clock.time() >= until
        try:
            found = await _compared(dsn, chain, own)
            if is_last or all(one.reserves.agrees for one in found):
                return found
        except ServerUnreachable:
            if is_last:
                raise
        except NodeFailed as error:
            if is_last:
                raise ServerUnreachable(f"{chain.name}: {error}") from error
        await asyncio.sleep(AGAIN_S)


async def _compared(dsn: str, chain: Chain, own: _Own) -> list[Found]:
    async with (
        database(dsn) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(f"set local role {chain.role}")
        snapshot = await chain.read(connection)
        await connection.execute(f"set local role {READER}")
        booked: dict[str, dict[str, int]] = defaultdict(dict)
        for row in await connection.fetch(BOOKED, chain.name, f"house:{chain.mode}"):
            booked[row["currency"]][row["name"]] = int(row["minor"])
        rows = await connection.fetch(OWED, chain.mode, chain.name)
    owed = {(row["kind"], row["currency"]): int(row["minor"]) for row in rows}
    holdings = await chain.at_nodes(snapshot)
    return [
        Found(
            chain=chain.name,
            snapshot=snapshot,
            reserves=compare(
                currency,
                holdings,
                snapshot.movements,
                booked[currency],
                own=own.get(currency, None if chain.has_own else 0),
            ),
            owed=owed.get(("customer", currency), 0),
            suspense=owed.get(("suspense", currency), 0),
        )
        for currency in chain.currencies
    ]


@asynccontextmanager
async def _chains() -> AsyncIterator[list[Chain]]:
    """The chains that are set up.

    Raises:
        WrongInput: none is.
    """
    found: list[Chain] = []
    clients: list[BitcoinNode | EthereumNode] = []
    btc, eth = load_if_set(BitcoinConfig), load_if_set(EthereumConfig)
    if btc is not None:
        nodes = bitcoin_nodes(btc)
        clients += nodes
        found.append(_bitcoin(btc, nodes))
    if eth is not None:
        others = ethereum_nodes(eth)
        clients += others
        found.append(_ethereum(eth, others))
    if not found:
        raise WrongInput("BITCOIN_RPC_URL or ETHEREUM_RPC_URL is needed: no chain is set up")
    try:
        yield found
    finally:
        for client in clients:
            await client.close()


def _bitcoin(config: BitcoinConfig, nodes: Sequence[BitcoinNode]) -> Chain:
    return Chain(
        name="bitcoin",
        role="cift_bitcoin",
        mode=config.mode,
        currencies=["BTC"],
        has_own=False,
        read=partial(bitcoin.read, dusts=bitcoin_terms(config).dusts),
        at_nodes=partial(bitcoin.at_nodes, nodes),
    )


def _ethereum(config: EthereumConfig, nodes: Sequence[EthereumNode]) -> Chain:
    terms = ethereum_terms(config)
    return Chain(
        name="ethereum",
        role="cift_ethereum",
        mode=config.mode,
        currencies=list(terms.dusts),
        has_own=config.key() is not None,
        read=partial(ethereum.read, config=config, dusts=terms.dusts),
        at_nodes=partial(ethereum.at_nodes, nodes, config),
    )


def _own(declared: Sequence[str]) -> _Own:
    """The declared amounts by currency, in its smallest unit."""
    found = {}
    for text in declared:
        currency, _, amount = text.partition("=")
        try:
            found[currency] = 0 if amount == "0" else parse_money(amount, currency).minor
        except InvalidCommand as error:
            raise click.UsageError(f"--own {text}: {error}") from error
    return found


def _sum(lines: Sequence[Line]) -> int:
    return sum(one.minor for one in lines)
