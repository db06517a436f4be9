"""What we hold in bitcoin: our unspent coins at the tip, and what every payment has moved.

The coins are those of deposits, of change, and of sweeps to the cold address. The nodes are asked
for each of them (`gettxout`, without the mempool).
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bitcoin_watcher.chain_store import TABLES
from bitcoin_watcher.client import BitcoinNode
from bitcoin_watcher.payout_drafts import fee_shares
from chain_watch.heads import Agreed, Head, agree
from chain_watch.reserve_store import Snapshot, arrived, settled_head
from chain_watch.reserves import Holding, Movement, Open
from cift_shared.database.pool import Connection
from cift_shared.errors import ServerUnreachable
from cift_shared.messaging.charged import charged_id

AT_ONCE = 8

COINS = """
with coin as (
    select o.txid, o.vout, o.satoshi from bitcoin.output as o where o.height is not null
     union all
    select p.spend_txid, p.vout, p.satoshi
      from bitcoin.spend_output as p join bitcoin.spend as s on s.txid = p.spend_txid
     where s.height is not null and (p.is_change or s.transfer_id is not null)
)
select coin.txid, coin.vout, coin.satoshi
  from coin
 where not exists (
    select from bitcoin.spend_input as i join bitcoin.spend as s on s.txid = i.spend_txid
     where i.txid = coin.txid and i.vout = coin.vout and s.height is not null)
 order by coin.txid, coin.vout
"""
"""In blocks, and not spent in one by a transaction of ours."""
PAID = """
with member as (
    select p.payment_id, p.satoshi, p.settled_txid, coalesce(p.group_id, p.payment_id) as owner,
           count(*) over shared as members,
           row_number() over (shared order by p.payment_id) as place
      from bitcoin.payout as p
    window shared as (partition by coalesce(p.group_id, p.payment_id))
)
select m.payment_id, m.satoshi, m.members, m.place, s.fee, s.height is not null as is_in_chain,
       coalesce(s.txid = m.settled_txid, false) as is_settled,
       coalesce(a.state = 'done', false) as is_told,
       coalesce(a.state = 'review', false) as is_in_review
  from member as m
  join bitcoin.spend as s on s.payment_id = m.owner
  left join bitcoin.attempt as a on a.payment_id = m.payment_id
 where s.height is not null or s.txid = m.settled_txid
"""
TRANSFERS = """
select s.txid, s.fee, s.height is not null as is_in_chain, t.charged_at is not null as is_told
  from bitcoin.own_transfer as t join bitcoin.spend as s on s.transfer_id = t.transfer_id
 where s.height is not null or t.charged_at is not null
"""


async def read(connection: Connection, dusts: Mapping[str, int]) -> Snapshot:
    """Coins and movements as the watcher has them now.

    Raises:
        ServerUnreachable: blocks are being undone; a moment later it works.
        ServerRefused: the chain was never read.
    """
    head = await settled_head(connection, TABLES)
    coins = [
        Holding(name=f"{txid}:{vout}", currency="BTC", watcher=satoshi, nodes=0)
        for txid, vout, satoshi in await connection.fetch(COINS)
    ]
    paid = [_paid(row) for row in await connection.fetch(PAID)]
    fees = [_transfer(row) for row in await connection.fetch(TRANSFERS)]
    moved = [*await arrived(connection, TABLES, dusts), *paid, *fees]
    return Snapshot(head=head, final_height=None, holdings=coins, movements=moved)


async def at_nodes(nodes: Sequence[BitcoinNode], snapshot: Snapshot) -> list[Holding]:
    """The holdings with what enough nodes say of them.

    Raises:
        ServerUnreachable: the nodes have another tip than the watcher; a moment later it works.
        NodeFailed: too few nodes can be used, or they say different things.
    """
    agreed = await _at_tip(nodes, snapshot.head)
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(holding: Holding) -> Holding:
        txid, _, vout = holding.name.partition(":")
        async with slots:
            satoshi = await agreed.answer(lambda node: node.unspent(txid, int(vout)))
        return holding.at_nodes(satoshi)

    found = await asyncio.gather(*map(one, snapshot.holdings))
    await _at_tip(nodes, snapshot.head)
    return list(found)


async def _at_tip(nodes: Sequence[BitcoinNode], head: Head) -> Agreed[BitcoinNode]:
    agreed = await agree(nodes)
    if agreed.head != head:
        raise ServerUnreachable(
            f"the watcher has read up to block {head.height}, the nodes have {agreed.head.height}: "
            "run it again"
        )
    return agreed


def _paid(row: Any) -> Movement:
    share = fee_shares(row["fee"], row["members"])[row["place"] - 1]
    minor = -(row["satoshi"] + share)
    told: int | None = minor if row["is_settled"] and row["is_told"] else 0
    reason = Open.WITHDRAWAL
    if row["is_in_review"]:
        told, reason = None, Open.IN_REVIEW
    elif told and not row["is_in_chain"]:
        reason = Open.UNDONE
    return Movement(
        name=str(row["payment_id"]),
        currency="BTC",
        chain=minor if row["is_in_chain"] else 0,
        told=told,
        reason=reason,
    )


def _transfer(row: Any) -> Movement:
    """Of what moves between our own addresses, only the fee."""
    fee = -row["fee"]
    return Movement(
        name=str(charged_id("bitcoin", row["txid"])),
        currency="BTC",
        chain=fee if row["is_in_chain"] else 0,
        told=fee if row["is_told"] else 0,
        reason=Open.NETWORK_FEE,
    )
