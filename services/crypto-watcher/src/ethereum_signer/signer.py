"""The signer's job: look for transfers to sign, judge them, sign them.

Judgement, signature and their record are one transaction of the database, which only the process
that leads can commit (its lease's epoch is compared there). So the caps hold with two signers, too,
and each version is signed once. What waits holds back the later nonces of its sender: they could
not be mined.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from pydantic import ValidationError

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
from ethereum_method.recipient import ADDRESS_KIND
from ethereum_signer.policy import (
    Asked,
    Limits,
    Own,
    Purpose,
    Request,
    Sign,
    Verdict,
    counted,
    judge,
)
from ethereum_signer.signing import sign
from ethereum_signer.store import SCHEMA, SignerStore
from ethereum_watcher.addresses import AddressInvalid, parse_address
from ethereum_watcher.ether_transfers import Transfer, TransferInvalid, parse
from wallet_keys.ethereum_account import EthereumAccount

INDEX_END = 2**31
"""The first that no address has (BIP 32)."""


class EthereumSigner:
    """Signs what its policy allows."""

    def __init__(
        self, store: SignerStore, account: EthereumAccount, limits: Limits, vault: Vault
    ) -> None:
        self._store = store
        self._account = account
        self._limits = limits
        self._vault = vault
        self._told = Told()

    def job(self, every: timedelta) -> Job:
        """The job; one process at a time leads it."""
        return Job(name="sign", every=every, work=self.run)

    async def run(self, lease: Lease) -> None:
        """Answer what waits, of each sender until the first that must wait longer.

        Raises:
            LeaseLost: another process leads; nothing was signed.
        """
        await self._store.approvals.publish(self._store.pool, lease, self._limits.approvals)
        held: set[bytes] = set()
        for request in await self._store.requests():
            if request.sender in held:
                continue
            if isinstance(await self._answer(lease, request), Wait):
                held.add(request.sender)

    async def _answer(self, lease: Lease, request: Request) -> Verdict:
        asked, own = await self._asked(request), self._own(request)
        failpoint("ethereum_signer.before_sign")
        async with fenced(self._store.pool, SCHEMA, lease) as connection:
            transfer, purpose = _transfer_of(request.unsigned), own.purpose(request)
            contract = counted(transfer, purpose)[1] if transfer and purpose else None
            history = await self._store.history(connection, request, transfer, contract)
            if asked is not None:
                problem = await self._unfunded(connection, request.payment_id, asked)
                history = replace(history, unfunded=problem)
            verdict = judge(request, asked, self._limits, history, own=own)
            match verdict:
                case Sign():
                    is_from_deposit = verdict.purpose is Purpose.CONSOLIDATION
                    deposit = request.index if is_from_deposit else None
                    signed = sign(request.unsigned, self._account, deposit=deposit)
                    await self._store.store_signature(connection, request, verdict, signed)
                case Refuse():
                    await self._store.store_refusal(connection, request, verdict.reason)
            failpoint("ethereum_signer.before_answer_commit")
        failpoint("ethereum_signer.after_answer_commit")
        self._tell(request, verdict)
        return verdict

    def _own(self, request: Request) -> Own:
        """Our accounts; the watcher's table only says which address of a deposit is meant."""
        index = request.index
        if index is None or not 0 <= index < INDEX_END:
            return Own(self._account.hot)
        return Own(self._account.hot, self._account.deposit(index))

    async def _asked(self, request: Request) -> Asked | None:
        """What the customer asked for; None: no open withdrawal, or none that can be read."""
        stored = await self._store.command(request.payment_id)
        try:
            command = RequestWithdrawal.model_validate(stored)
        except ValidationError:
            return None
        if command.payment_id != request.payment_id:
            return None
        amount = command.amount
        return self._opened(command.instrument.sealed, amount.minor, amount.currency)

    def _opened(self, sealed: str, minor: int, currency: str) -> Asked | None:
        """The recipient and the amount; None: an address that can't be read."""
        try:
            text = self._vault.open(sealed, context=ADDRESS_KIND).decode()
            return Asked(parse_address(text).script, minor, currency)
        except (SealBroken, AddressInvalid, UnicodeDecodeError):
            return None

    async def _unfunded(self, connection: Connection, payment_id: UUID, asked: Asked) -> str | None:
        """Why the ledger does not have the money; None: it has."""
        held = await self._store.funds.held(connection, payment_id)
        accepted = held and self._opened(held.sealed, held.minor, held.currency)
        return unfunded(held, accepted, asked)

    def _tell(self, request: Request, verdict: Verdict) -> None:
        fields = {"payment_id": str(request.payment_id), "version": request.version}
        match verdict:
            case Sign():
                self._told.signed(fee=verdict.transfer.fee_max, **fields)
            case Refuse():
                self._told.refused(verdict, **fields)
            case Wait():
                self._told.held_back(verdict, str(request.payment_id), **fields)


def _transfer_of(unsigned: bytes) -> Transfer | None:
    try:
        return parse(unsigned)
    except TransferInvalid:
        return None
