"""The signer's job: look for transactions to sign, judge them, sign them.

Judgement, signature and their record are one transaction of the database, which only the process
that leads can commit (its lease's epoch is compared there). So the caps hold with two signers, too,
and each transaction is signed once.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from pydantic import ValidationError

from bitcoin_method.instruments import ADDRESS_KIND
from bitcoin_method.networks import Network
from bitcoin_watcher.addresses import CHANGE, AddressInvalid, parse_address
from chain_watch.fence import fenced
from chain_watch.funds import unfunded
from chain_watch.verdicts import Refuse, Told, Wait
from cift_shared.database.lease import Lease
from cift_shared.database.pool import Connection
from cift_shared.errors import SealBroken
from cift_shared.failpoints import failpoint
from cift_shared.messaging.messages import RequestWithdrawal
from cift_shared.runtime.job import Job
from cift_shared.security.field_encryption import Vault
from crypto_signer.policy import (
    Asked,
    History,
    Limits,
    Request,
    Sign,
    TransferRequest,
    Verdict,
    judge_all,
    judge_transfer,
)
from crypto_signer.signing import sign
from crypto_signer.store import SCHEMA, SignerStore
from wallet_keys.account import BitcoinAccount


class Signer:
    """Signs what its policy allows."""

    def __init__(
        self,
        store: SignerStore,
        account: BitcoinAccount,
        limits: Limits,
        vault: Vault,
        *,
        network: Network,
    ) -> None:
        self._store = store
        self._account = account
        self._limits = limits
        self._vault = vault
        self._network = network
        self._told = Told()

    def job(self, every: timedelta) -> Job:
        """The job; one process at a time leads it."""
        return Job(name="sign", every=every, work=self.run)

    async def run(self, lease: Lease) -> None:
        """Answer everything that waits.

        Raises:
            LeaseLost: another process leads; nothing was signed.
        """
        await self._store.approvals.publish(self._store.pool, lease, self._limits.approvals)
        for request in await self._store.requests():
            await self._answer(lease, request)
        for transfer in await self._store.transfers():
            await self._answer_transfer(lease, transfer)

    async def _answer(self, lease: Lease, request: Request) -> None:
        members = await self._store.members(request)
        asked = {one: await self._asked(one) for one in members}
        failpoint("signer.before_sign")
        async with fenced(self._store.pool, SCHEMA, lease) as connection:
            histories = [
                await self._history(connection, one, what, request) for one, what in asked.items()
            ]
            verdict = judge_all(
                request, list(asked.values()), self._limits, histories, self._change_script
            )
            await self._act(connection, request, verdict)
            if isinstance(verdict, Sign) and members != [request.payment_id]:
                paid = {one: what for one, what in asked.items() if what is not None}
                await self._store.store_paid(connection, request, paid)
            failpoint("signer.before_answer_commit")
        failpoint("signer.after_answer_commit")
        self._log(request, verdict)

    async def _answer_transfer(self, lease: Lease, request: TransferRequest) -> None:
        async with fenced(self._store.pool, SCHEMA, lease) as connection:
            history = await self._store.transfer_history(connection, request)
            verdict = judge_transfer(request, self._limits, history, self._change_script)
            await self._act(connection, request, verdict)
            failpoint("signer.before_transfer_commit")
        failpoint("signer.after_transfer_commit")
        self._log(request, verdict)

    async def _act(
        self, connection: Connection, request: Request | TransferRequest, verdict: Verdict
    ) -> None:
        match verdict:
            case Sign():
                raw = sign(request.unsigned, request.inputs, self._account)
                await self._store.store_signature(connection, request, verdict, raw)
            case Refuse():
                await self._store.store_refusal(connection, request, verdict.reason)

    async def _asked(self, payment_id: UUID) -> Asked | None:
        """What the customer asked for; None: no open withdrawal, or none that can be read."""
        stored = await self._store.command(payment_id)
        try:
            command = RequestWithdrawal.model_validate(stored)
        except ValidationError:
            return None
        if command.payment_id != payment_id:
            return None
        amount = command.amount
        return self._opened(command.instrument.sealed, amount.minor, amount.currency)

    def _opened(self, sealed: str, minor: int, currency: str) -> Asked | None:
        """The recipient and the amount; None: an address that can't be read, or no bitcoin."""
        try:
            text = self._vault.open(sealed, context=ADDRESS_KIND).decode()
            script = parse_address(text, self._network).script
        except (SealBroken, AddressInvalid, UnicodeDecodeError):
            return None
        return Asked(script, minor) if currency == "BTC" else None

    async def _history(
        self, connection: Connection, payment_id: UUID, asked: Asked | None, request: Request
    ) -> History:
        """What was signed before, and whether the ledger has the money."""
        history = await self._store.history(connection, payment_id, request)
        held = await self._store.funds.held(connection, payment_id)
        accepted = held and self._opened(held.sealed, held.minor, held.currency)
        return replace(history, unfunded=unfunded(held, accepted, asked))

    def _change_script(self, index: int) -> bytes:
        return self._account.script(CHANGE, index)

    def _log(self, request: Request | TransferRequest, verdict: Verdict) -> None:
        fields: dict[str, object] = {"transaction": request.txid}
        if isinstance(request, Request):
            fields |= {"payment_id": str(request.payment_id), "version": request.version}
        else:
            fields |= {"transfer_id": str(request.transfer_id)}
        match verdict:
            case Sign():
                self._told.signed(fee=verdict.fee, **fields)
            case Refuse():
                self._told.refused(verdict, **fields)
            case Wait():
                self._told.held_back(verdict, request.txid, **fields)
