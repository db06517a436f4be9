"""`cift wallet balance` and `sweep`: what the hot wallets hold, and what is too much of it.

They read the watcher's tables and hold no key.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import click

from bitcoin_watcher.settings import BitcoinConfig
from bitcoin_watcher.sweeps import Sweeps
from bitcoin_watcher.transfer_store import Sweep
from bitcoin_watcher.wallet import open_wallet
from cift_shared.cli import Output, Table, WrongInput, command, environment
from cift_shared.database.connecting import database
from cift_shared.ids import SystemIds
from cift_shared.money.amount import Money
from cift_shared.settings import load_if_set, load_settings
from ethereum_watcher.settings import EthereumConfig

_HEADINGS = [
    "CHAIN",
    "CURRENCY",
    "CONFIRMED",
    "UNCONFIRMED",
    "RESERVED",
    "FREE",
    "DEPOSITS",
    "FLOOR",
    "CEILING",
]
ETHEREUM = """
select h.wei, coalesce((
    select sum(cost) from (
        select case when p.contract is null then p.wei else 0 end + max(s.gas * s.max_fee) as cost
          from ethereum.payout as p join ethereum.spend as s on s.payment_id = p.payment_id
         where p.sender = h.sender and p.nonce >= h.chain_nonce
         group by p.payment_id) as open), 0) as reserved
  from ethereum.hot_account as h where h.sender = $1
"""
"""The account's ether at the tip, and what withdrawals that are in no block can cost at most."""
ERC20 = """
select coalesce((select t.amount from ethereum.hot_token as t
                  where t.sender = $1 and t.contract = $2), 0) as amount,
       coalesce((select sum(p.wei) from ethereum.payout as p
                   join ethereum.hot_account as h on h.sender = p.sender
                  where p.sender = $1 and p.contract = $2
                    and p.nonce >= h.chain_nonce), 0) as reserved
"""
"""What the account has of a token, and what withdrawals that are in no block move of it."""

DEPOSITS = """
select coalesce((select sum(a.wei) from ethereum.arrival as a
                   join ethereum.address as d on d.address = a.address
                  where a.currency = $1 and a.height is not null and d.payment_id is not null), 0)
     - coalesce((select sum(s.wei) from ethereum.spending as s
                   join ethereum.address as d on d.address = s.address
                  where $2::bytea is null and d.payment_id is not null), 0)
     - coalesce((select sum(m.amount) from ethereum.hot_transfer as m
                   join ethereum.hot_transaction as t on t.hash = m.hash
                   join ethereum.address as d on d.script = t.sender
                  where m.contract = $2 and d.payment_id is not null), 0)
"""
"""What the addresses of deposits have of a currency, in blocks; `$2`: the token's contract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What is held on a chain; None: not known, or there is no such limit."""

    chain: str
    currency: str
    address: str | None
    """The account that pays; None: there are many."""
    confirmed: int
    unconfirmed: int | None
    reserved: int
    deposits: int | None = None
    """At addresses of deposits, from where it must be moved before it can be paid."""
    floor: int | None = None
    ceiling: int | None = None

    def document(self) -> dict[str, str | None]:
        """The balance as JSON shows it: amounts as decimal text."""
        return {
            "chain": self.chain,
            "currency": self.currency,
            "address": self.address,
            "confirmed": self._text(self.confirmed),
            "unconfirmed": self._text(self.unconfirmed),
            "reserved": self._text(self.reserved),
            "free": self._text(self.confirmed - self.reserved),
            "deposits": self._text(self.deposits),
            "floor": self._text(self.floor),
            "ceiling": self._text(self.ceiling),
        }

    def _text(self, minor: int | None) -> str | None:
        return None if minor is None else Money(minor, self.currency).text


@command("balance")
async def balance() -> Output:
    """Print what the hot wallet holds on each chain.

    Confirmed: in blocks. Unconfirmed: on its way.
    Reserved: the part of confirmed that payouts or
    sweeps spend. Free: the rest of confirmed.
    Deposits: still at addresses of deposits.
    """
    found = await _balances(environment("DATABASE_URL"))
    documents = [one.document() for one in found]
    rows = [[one[heading.lower()] or "-" for heading in _HEADINGS] for one in documents]
    numbers = range(2, len(_HEADINGS))
    return Output(documents, [Table(_HEADINGS, rows, numbers)], [one.chain for one in found])


@command("sweep")
@click.option("--release", metavar="TXID", help="Give the coins of this sweep back.")
async def sweep(release: str | None) -> Output:
    """Propose a transfer to the cold address.

    Above CRYPTO_BTC_HOT_CEILING_SATOSHI it prints
    an unsigned transaction (PSBT, BIP 174), and
    reserves its coins for some time. Repeated, it
    prints the same one until that is in a block.
    """
    config = load_settings(BitcoinConfig)
    async with open_wallet(environment("DATABASE_URL"), config) as wallet:
        sweeps = Sweeps(wallet.context, wallet.transfers, SystemIds())
        if release is not None:
            await sweeps.release(release)
            return Output({"released": release}, [f"released: {release}"], [release])
        found = await sweeps.propose()
        held = await wallet.transfers.held()
    document = {
        "free": Money(held.free, "BTC").text,
        "ceiling": Money(config.hot_ceiling, "BTC").text,
        "sweep": None if found is None else _document(found, config),
    }
    if found is None:
        line = f"nothing to sweep: free {document['free']}, ceiling {document['ceiling']} BTC"
        return Output(document, [line], [])
    lines = [f"{name}: {value}" for name, value in _document(found, config).items()]
    return Output(document, lines, [found.txid])


def _document(one: Sweep, config: BitcoinConfig) -> dict[str, str | bool | None]:
    return {
        "txid": one.txid,
        "address": config.deposit_address,
        "amount": Money(one.satoshi, "BTC").text,
        "network_fee": Money(one.fee, "BTC").text,
        "expires_at": one.expires_at.isoformat(),
        "is_seen": one.is_seen,
        "psbt": one.psbt,
    }


async def _balances(dsn: str) -> Sequence[Balance]:
    """The balances of the chains that are set up.

    Raises:
        WrongInput: no chain is set up with a key.
        CiftError: the database can't be reached, or refuses.
    """
    bitcoin, ethereum = load_if_set(BitcoinConfig), load_if_set(EthereumConfig)
    found = []
    if bitcoin is not None and bitcoin.xpub is not None:
        found.append(await _bitcoin(dsn, bitcoin))
    if ethereum is not None and ethereum.xpub is not None:
        found += await _ethereum(dsn, ethereum)
    if not found:
        raise WrongInput("CRYPTO_BTC_XPUB or CRYPTO_ETH_XPUB is needed: no chain has a hot wallet")
    return found


async def _bitcoin(dsn: str, config: BitcoinConfig) -> Balance:
    async with open_wallet(dsn, config) as wallet:
        held = await wallet.transfers.held()
    return Balance(
        chain="bitcoin",
        currency="BTC",
        address=None,
        confirmed=held.confirmed,
        unconfirmed=held.unconfirmed,
        reserved=held.reserved,
        floor=config.hot_floor or None,
        ceiling=config.hot_ceiling or None,
    )


async def _ethereum(dsn: str, config: EthereumConfig) -> Sequence[Balance]:
    """Ether, and the tokens that are set up."""
    hot = config.hot()
    if hot is None:
        raise AssertionError("checked by the caller")

    def balance_of(currency: str, confirmed: int, reserved: int, deposits: int) -> Balance:
        return Balance(
            chain="ethereum",
            currency=currency,
            address=hot.address,
            confirmed=confirmed,
            unconfirmed=None,
            reserved=reserved,
            deposits=deposits,
        )

    async with database(dsn, role="cift_ethereum") as connection:
        row = await connection.fetchrow(ETHEREUM, hot.script)
        wei, reserved = (0, 0) if row is None else (int(row["wei"]), int(row["reserved"]))
        deposits = int(await connection.fetchval(DEPOSITS, "ETH", None))
        found = [balance_of("ETH", wei, reserved, deposits)]
        for token in config.tokens:
            contract = bytes.fromhex(token.contract.removeprefix("0x"))
            row = await connection.fetchrow(ERC20, hot.script, contract)
            amount, reserved = (0, 0) if row is None else (int(row["amount"]), int(row["reserved"]))
            deposits = int(await connection.fetchval(DEPOSITS, token.currency, contract))
            found.append(balance_of(token.currency, amount, reserved, deposits))
    return found
