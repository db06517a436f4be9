"""What we hold in ether and in tokens, and what every payment has moved, up to the tip.

The addresses of deposits have what arrived there, less what left; the account that pays has what
the nodes said at the tip. The nodes are asked for each of them again, at the same block.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chain_watch.heads import agree
from chain_watch.reserve_store import Snapshot, arrived, settled_head
from chain_watch.reserves import Finding, Holding, Movement, Open
from cift_shared.database.pool import Connection
from cift_shared.errors import ServerUnreachable
from cift_shared.messaging.charged import charged_id
from ethereum_watcher.addresses import parse_address
from ethereum_watcher.chain_store import FINAL, TABLES
from ethereum_watcher.client import EthereumNode
from ethereum_watcher.domain import COIN
from ethereum_watcher.settings import EthereumConfig

AT_ONCE = 8

ADDRESSES = """
select moved.address, moved.currency, sum(moved.minor) as minor
  from (
    select a.address, a.currency, a.wei as minor from ethereum.arrival as a
     where a.height is not null
     union all
    select s.address, 'ETH', -s.wei from ethereum.spending as s
     union all
    select a.address, c.currency, -m.amount
      from ethereum.hot_transfer as m
      join ethereum.hot_transaction as t on t.hash = m.hash
      join ethereum.address as a on a.script = t.sender
      join unnest($1::bytea[], $2::text[]) as c (contract, currency) on c.contract = m.contract
     where exists (select from ethereum_signer.signature as g where g.hash = t.hash)
  ) as moved
 group by moved.address, moved.currency
having sum(moved.minor) <> 0
 order by moved.address, moved.currency
"""
"""What arrived at an address of a deposit, less what has left it: ether in any transaction of it,
tokens in one that we have signed."""
HOT = "select height, wei from ethereum.hot_account where sender = $1"
HOT_TOKENS = "select contract, amount from ethereum.hot_token where sender = $1"
PAID = """
select p.payment_id, p.wei, p.contract, p.has_failed,
       t.hash is not null as is_in_chain,
       coalesce(t.succeeded, false) as succeeded, t.fee, g.hash = p.settled_hash as is_settled,
       coalesce(a.state = 'done', false) as is_told,
       coalesce(a.state = 'review', false) as is_in_review,
       (select coalesce(sum(m.amount), 0) from ethereum.hot_transfer as m
         where m.hash = t.hash and m.contract = p.contract) as moved
  from ethereum.payout as p
  join ethereum_signer.signature as g on g.payment_id = p.payment_id
  left join ethereum.hot_transaction as t on t.hash = g.hash
  left join ethereum.attempt as a on a.payment_id = p.payment_id
 where (t.hash is not null or g.hash = p.settled_hash) and not p.is_filler and p.index is null
"""
CHARGED = """
select g.hash, t.fee, p.charged_at is not null and g.hash = p.settled_hash as is_told
  from ethereum.payout as p
  join ethereum_signer.signature as g on g.payment_id = p.payment_id
  left join ethereum.hot_transaction as t on t.hash = g.hash
 where (t.hash is not null or g.hash = p.settled_hash) and (p.is_filler or p.index is not null)
"""
"""Of what uses a nonce up, or moves money between our own addresses, only the fee is gone."""
FOREIGN = """
select t.hash, t.fee from ethereum.hot_transaction as t
 where t.sender = $1
   and not exists (select from ethereum_signer.signature as g where g.hash = t.hash)
"""
SPENT = """
select s.hash, s.wei from ethereum.spending as s
 where not exists (select from ethereum_signer.signature as g where g.hash = s.hash)
"""
"""From addresses of deposits, by somebody else."""


async def read(
    connection: Connection, config: EthereumConfig, dusts: Mapping[str, int]
) -> Snapshot:
    """Holdings and movements as the watcher has them now.

    Raises:
        ServerUnreachable: the tip is just being read; a moment later it works.
        ServerRefused: the chain was never read.
    """
    head = await settled_head(connection, TABLES)
    held = [
        Holding(
            name=row["address"],
            currency=row["currency"],
            watcher=int(row["minor"]),
            nodes=0,
            may_grow=row["currency"] == COIN,
        )
        for row in await connection.fetch(ADDRESSES, *_tokens(config))
    ]
    hot = config.hot()
    sender = None if hot is None else hot.script
    if hot is not None:
        held += await _hot(connection, config, hot.script, hot.address, head.height)
    currencies = {one.script: currency for currency, one in config.contracts.items()}
    moved = await arrived(connection, TABLES, dusts)
    for row in await connection.fetch(PAID):
        moved += _paid(row, currencies)
    moved += [
        *(_charged(row) for row in await connection.fetch(CHARGED)),
        *(
            _foreign(row["hash"], int(row["fee"]))
            for row in await connection.fetch(FOREIGN, sender)
        ),
        *(_foreign(row["hash"], int(row["wei"])) for row in await connection.fetch(SPENT)),
    ]
    final: int | None = await connection.fetchval(FINAL)
    return Snapshot(head=head, final_height=final, holdings=held, movements=moved)


async def at_nodes(
    nodes: Sequence[EthereumNode], config: EthereumConfig, snapshot: Snapshot
) -> list[Holding]:
    """The holdings with what enough nodes say of them, after the same block.

    Raises:
        ServerUnreachable: the nodes have another block; a moment later it works.
        NodeFailed: too few nodes can be used, or they say different things.
    """
    agreed, head = await agree(nodes), snapshot.head
    if agreed.head.height < head.height or await agreed.hash_at(head.height) != head.hash:
        raise ServerUnreachable(f"the nodes have another block {head.height}: run it again")
    slots = asyncio.Semaphore(AT_ONCE)
    contracts = {currency: one.address for currency, one in config.contracts.items()}

    async def ask(node: EthereumNode, one: Holding) -> int:
        if one.currency == COIN:
            return await node.balance(one.name, head.hash)
        account = parse_address(one.name).script
        return await node.token_balance(contracts[one.currency], account, head.hash)

    async def one(holding: Holding) -> Holding:
        async with slots:
            return holding.at_nodes(await agreed.answer(lambda node: ask(node, holding)))

    known = [one for one in snapshot.holdings if one.currency in {COIN, *contracts}]
    return list(await asyncio.gather(*map(one, known)))


async def _hot(
    connection: Connection, config: EthereumConfig, sender: bytes, address: str, height: int
) -> list[Holding]:
    """The account that pays."""
    row = await connection.fetchrow(HOT, sender)
    if row is None or row["height"] != height:
        raise ServerUnreachable("ethereum: the watcher is just reading a block: run it again")
    tokens = {
        one["contract"]: int(one["amount"]) for one in await connection.fetch(HOT_TOKENS, sender)
    }
    held = {COIN: int(row["wei"])} | {
        currency: tokens.get(one.script, 0) for currency, one in config.contracts.items()
    }
    return [
        Holding(name=address, currency=currency, watcher=minor, nodes=0)
        for currency, minor in held.items()
    ]


def _paid(row: Any, currencies: Mapping[bytes, str]) -> Iterator[Movement]:
    """What a transaction of a payout moved, and its fee; both are booked under the payment's id."""
    name, reason = str(row["payment_id"]), Open.WITHDRAWAL
    is_told = bool(row["is_settled"]) and row["is_told"]
    if row["is_in_review"]:
        reason = Open.IN_REVIEW
    if is_told and not row["is_in_chain"]:
        reason = Open.UNDONE
    is_decided = reason not in (Open.IN_REVIEW, Open.UNDONE)
    left, fee = _left(row), int(row["fee"] or 0)
    currency = COIN if row["contract"] is None else currencies.get(row["contract"])
    asked = 0 if row["has_failed"] else int(row["wei"])
    for what, chain, told in ((currency, left, asked), (COIN, fee, fee)):
        if what is not None:
            decided = (-told if is_told else 0) if is_decided else None
            yield Movement(name=name, currency=what, chain=-chain, told=decided, reason=reason)


def _charged(row: Any) -> Movement:
    is_told, fee = row["is_told"], int(row["fee"] or 0)
    is_undone = is_told and row["fee"] is None
    return Movement(
        name=str(charged_id(TABLES.schema, row["hash"])),
        currency=COIN,
        chain=-fee,
        told=None if is_undone else (-fee if is_told else 0),
        reason=Open.UNDONE if is_undone else Open.NETWORK_FEE,
    )


def _left(row: Any) -> int:
    """What a transaction in the chain has paid."""
    if not row["succeeded"]:
        return 0
    return int(row["wei"] if row["contract"] is None else row["moved"])


def _tokens(config: EthereumConfig) -> tuple[list[bytes], list[str]]:
    """The contracts of the tokens, and their currencies."""
    return [one.script for one in config.contracts.values()], list(config.contracts)


def _foreign(name: str, minor: int) -> Movement:
    """Of a transaction of the account that pays only its fee is known."""
    return Movement(name=name, currency=COIN, chain=-minor, told=0, reason=Finding.MOVED_BY_OTHERS)
