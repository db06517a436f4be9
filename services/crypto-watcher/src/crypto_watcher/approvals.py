"""`cift wallet approvals`, `approve` and `reject`: a second person decides about large withdrawals.

A decision names recipient, amount and currency as the command has them; the signer compares all of
them. It is stored in the signer's schema, by a role that no watcher has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import click
from pydantic import ValidationError

from bitcoin_method.instruments import ADDRESS_KIND as BITCOIN_KIND
from bitcoin_watcher.addresses import AddressInvalid as BitcoinInvalid
from bitcoin_watcher.addresses import parse_address as bitcoin_address
from bitcoin_watcher.settings import BitcoinConfig
from chain_watch.domain import Derived
from cift_shared.cli import Output, Table, WrongInput, command, environment
from cift_shared.database.connecting import database
from cift_shared.errors import ServerRefused
from cift_shared.messaging.messages import RequestWithdrawal
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import VaultSettings, load_if_set, load_settings
from ethereum_method.recipient import ADDRESS_KIND as ETHEREUM_KIND
from ethereum_watcher.addresses import AddressInvalid as EthereumInvalid
from ethereum_watcher.addresses import parse_address as ethereum_address
from ethereum_watcher.settings import EthereumConfig

ROLE = "cift_wallet_approver"
OPEN = """
select a.request, d.is_approved,
       exists (select from {signer}.signature as g where g.payment_id = a.payment_id) {or_shared}
           as is_signed
  from {schema}.attempt as a
  left join {signer}.approval as d on d.payment_id = a.payment_id
 where a.operation = 'withdrawal' and a.state not in ('done', 'review')
   and ($1::uuid is null or a.payment_id = $1)
   and ($1::uuid is not null or d.payment_id is null and exists (
        select from {signer}.approval_limit as l
         where l.currency = a.request #>> '{{amount,currency}}'
           and l.minor < (a.request #>> '{{amount,minor}}')::numeric))
 order by a.created_at, a.payment_id
"""
"""One withdrawal, or all that wait for a decision."""
SHARED = "or exists (select from {signer}.paid as m where m.payment_id = a.payment_id)"
"""Withdrawals that are paid together have their signatures under another id."""
DECIDE = """
insert into {signer}.approval (payment_id, is_approved, script, minor, currency, operator, reason)
values ($1, $2, $3, $4, $5, $6, $7)
"""

FINAL = "decided already, and a decision is final"

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Chain:
    """How a chain's withdrawals are read."""

    name: str
    kind: str
    """What a recipient's address is sealed as."""
    parse: Callable[[str], Derived]
    shared: str = ""

    def sql(self, text: str) -> str:
        """A statement for the chain's schemas."""
        signer = f"{self.name}_signer"
        shared = self.shared.format(signer=signer)
        return text.format(schema=self.name, signer=signer, or_shared=shared)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A withdrawal that is not paid yet."""

    chain: Chain
    command: RequestWithdrawal
    recipient: Derived
    is_decided: bool
    is_signed: bool

    def document(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "payment_id": str(self.command.payment_id),
            "chain": self.chain.name,
            "amount": self.command.amount.text,
            "currency": self.command.amount.currency,
            "address": self.recipient.address,
            "merchant_id": self.command.merchant_id,
            "customer_id": self.command.customer_id,
            "accepted_at": _time(self.command.accepted_at),
        }


def _signed(decision: Command) -> Command:
    """Add what a decision needs."""
    payment = click.argument("payment_id", type=click.UUID)
    by = click.option("--operator", required=True, help="Your name, stored with the decision.")
    why = click.option("--reason", required=True, help="Why; stored with the decision.")
    yes = click.option("--yes", is_flag=True, help="Do not ask.")
    return payment(by(why(yes(decision))))


@command("approvals")
async def approvals() -> Output:
    """List the withdrawals that wait for a decision."""
    found = await _open(None)
    documents = [one.document() for one in found]
    headings = ["PAYMENT_ID", "CHAIN", "AMOUNT", "CURRENCY", "ADDRESS", "ACCEPTED_AT"]
    rows = [[one[heading.lower()] for heading in headings] for one in documents]
    return Output(documents, [Table(headings, rows, [2])], [one["payment_id"] for one in documents])


@command("approve")
@_signed
async def approve(payment_id: UUID, operator: str, reason: str, *, yes: bool) -> Output:
    """Approve a withdrawal: then it is paid.

    Compare recipient and amount with the person who
    asked for it, not with this machine. A decision
    is final.
    """
    return await _decide(payment_id, operator, reason, yes=yes, is_approved=True)


@command("reject")
@_signed
async def reject(payment_id: UUID, operator: str, reason: str, *, yes: bool) -> Output:
    """Reject a withdrawal: it fails, and the customer has the money again."""
    return await _decide(payment_id, operator, reason, yes=yes, is_approved=False)


async def _decide(
    payment_id: UUID, operator: str, reason: str, *, yes: bool, is_approved: bool
) -> Output:
    found = await _open(payment_id)
    if not found:
        raise ServerRefused(f"no withdrawal that is not paid yet has the id {payment_id}")
    (one,) = found
    if one.is_signed:
        raise ServerRefused(f"payment {payment_id}: signed already, it is too late")
    if one.is_decided:
        raise ServerRefused(f"payment {payment_id}: {FINAL}")
    word, document = "approve" if is_approved else "reject", one.document()
    if not yes:
        lines = [f"{name}: {value}" for name, value in document.items()]
        click.echo("\n".join(lines), err=True)
        click.confirm(f"{word} it?", abort=True, err=True)
    await _store(one, operator, reason, is_approved=is_approved)
    done = {**document, "is_approved": is_approved, "operator": operator}
    return Output(
        done, [f"{'approved' if is_approved else 'rejected'}: {payment_id}"], [str(payment_id)]
    )


async def _store(one: Waiting, operator: str, reason: str, *, is_approved: bool) -> None:
    amount = one.command.amount
    async with database(environment("DATABASE_URL"), role=ROLE) as connection:
        try:
            await connection.execute(
                one.chain.sql(DECIDE), one.command.payment_id, is_approved, one.recipient.script,
                amount.minor, amount.currency, operator, reason,
            )  # fmt: skip
        except asyncpg.UniqueViolationError:
            raise ServerRefused(f"payment {one.command.payment_id}: {FINAL}") from None


async def _open(payment_id: UUID | None) -> list[Waiting]:
    """Withdrawals that wait for a decision, or the given one, as far as it is not paid.

    Raises:
        WrongInput: no chain is set up.
        ServerRefused: a sealed address can't be opened.
    """
    vault, found = load_settings(VaultSettings).vault(), []
    async with database(environment("DATABASE_URL"), role=ROLE) as connection:
        for chain in _chains():
            rows = await connection.fetch(chain.sql(OPEN), payment_id)
            found += [_waiting(chain, row, vault) for row in rows]
    return found


def _waiting(chain: Chain, row: Any, vault: Vault) -> Waiting:
    try:
        asked = RequestWithdrawal.model_validate_json(row["request"])
        text = vault.open(asked.instrument.sealed, context=chain.kind).decode()
        recipient = chain.parse(text)
    except (ValidationError, BitcoinInvalid, EthereumInvalid, UnicodeDecodeError) as error:
        raise ServerRefused(f"{chain.name}: a withdrawal that can't be read") from error
    return Waiting(chain, asked, recipient, row["is_approved"] is not None, row["is_signed"])


def _chains() -> Sequence[Chain]:
    bitcoin, ethereum = load_if_set(BitcoinConfig), load_if_set(EthereumConfig)
    found = []
    if bitcoin is not None:
        network = bitcoin.network
        found.append(
            Chain("bitcoin", BITCOIN_KIND, lambda text: bitcoin_address(text, network), SHARED)
        )
    if ethereum is not None:
        found.append(Chain("ethereum", ETHEREUM_KIND, ethereum_address))
    if not found:
        raise WrongInput("BITCOIN_RPC_URL or ETHEREUM_RPC_URL is needed: no chain is set up")
    return found


def _time(moment: datetime) -> str:
    return moment.isoformat()
