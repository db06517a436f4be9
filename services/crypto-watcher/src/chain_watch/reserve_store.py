"""What the watcher of a chain has, for the comparison with nodes and ledger: in PostgreSQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain_watch.context import Tables
from chain_watch.domain import ArrivalType
from chain_watch.heads import Head
from chain_watch.reserves import Holding, Movement, Open
from cift_shared.database.pool import Connection
from cift_shared.errors import ServerRefused, ServerUnreachable

HEAD = "select height, hash, is_settled from {schema}.chain"
ARRIVED = """
select o.{hash} as hash, o.{place} as place, o.{amount} as minor, {currency} as currency,
       o.height is not null as is_in_chain, o.is_reversed,
       coalesce(o.received_as, o.deposit_id) as credited_as,
       coalesce(o.received_as is not null or a.state = 'done', false) as is_told,
       coalesce(a.state = 'review', false) as is_in_review
  from {arrivals} as o
  left join {schema}.attempt as a on a.payment_id = o.deposit_id
 where o.height is not null or o.received_as is not null or o.deposit_id is not null
"""
"""A deposit's settlement is told once its attempt is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What we hold and what was moved, up to one block."""

    head: Head
    final_height: int | None
    """The highest block that can't be undone; None: the chain has none, or it is not known."""
    holdings: Sequence[Holding]
    """As the watcher has them."""
    movements: Sequence[Movement]


async def settled_head(connection: Connection, tables: Tables[ArrivalType]) -> Head:
    """The block up to which everything is read.

    Raises:
        ServerUnreachable: blocks are being undone; a moment later it works.
        ServerRefused: the chain was never read.
    """
    row = await connection.fetchrow(tables.sql(HEAD))
    if row is None:
        raise ServerRefused(f"{tables.schema}: the watcher has not read the chain yet")
    if not row["is_settled"]:
        raise ServerUnreachable(f"{tables.schema}: the watcher undoes blocks: run it again")
    return Head(row["height"], row["hash"])


async def arrived(
    connection: Connection, tables: Tables[ArrivalType], dusts: Mapping[str, int]
) -> list[Movement]:
    """What arrived, or was credited; `dusts` is by currency what is too little to be credited."""
    return [_movement(row, dusts) for row in await connection.fetch(tables.sql(ARRIVED))]


def _movement(row: Any, dusts: Mapping[str, int]) -> Movement:
    minor, currency = int(row["minor"]), str(row["currency"])
    chain = minor if row["is_in_chain"] else 0
    if row["is_in_review"]:
        name = str(row["credited_as"])
        return Movement(name=name, currency=currency, chain=chain, told=None, reason=Open.IN_REVIEW)
    if not row["is_told"]:
        reason = Open.DUST if minor < dusts.get(currency, 0) else Open.NOT_CREDITED
        name = f"{row['hash']}:{row['place']}"
        return Movement(name=name, currency=currency, chain=chain, told=0, reason=reason)
    return Movement(
        name=str(row["credited_as"]),
        currency=currency,
        chain=chain,
        told=0 if row["is_reversed"] else minor,
        reason=Open.NOT_CREDITED if row["is_reversed"] else Open.UNDONE,
    )
