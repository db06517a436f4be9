"""Execute transactions and blocks with py-evm: on any branch, and on the state after any block.

The rules are those of the Prague fork under proof of stake. One rule differs: a block may have
another base fee than follows from its parent, so that tests can raise it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth.abc import (
    BlockAPI,
    BlockHeaderAPI,
    ComputationAPI,
    ReceiptAPI,
    SignedTransactionAPI,
    StateAPI,
    VirtualMachineAPI,
)
from eth.chains.base import MiningChain
from eth.consensus.pos import PosConsensus
from eth.db.atomic import AtomicDB
from eth.typing import AccountDetails, HeaderParams
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address, BlockNumber
from eth_utils import ValidationError

GAS_LIMIT = 30_000_000
START_BASE_FEE = 10**9
"""Wei; the base fee of the first block."""
FEE_RECIPIENT = bytes.fromhex("feefeefeefeefeefeefeefeefeefeefeefeefee0")
"""Receives the priority fees."""
NEW_CONTRACT = b""
"""The recipient of a transaction that creates a contract."""


class BadTransaction(ValueError):
    """Bytes are not a transaction, or one cannot be in a block."""


@dataclass(frozen=True, slots=True)
class Executed:
    """A transaction in a block."""

    transaction: SignedTransactionAPI
    receipt: ReceiptAPI
    computation: ComputationAPI
    gas_used: int
    """By this transaction alone."""


@dataclass(frozen=True, slots=True)
class Built:
    """A new block."""

    block: BlockAPI
    executed: Sequence[Executed]
    left_out: Sequence[SignedTransactionAPI]
    """Transactions that cannot be in this block: wrong nonce, too little money, base fee."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call without a signature."""

    sender: bytes
    to: bytes
    value: int
    data: bytes
    gas: int


class _Vm(PragueVM):
    consensus_class = PosConsensus

    @classmethod
    def validate_gas(cls, header: BlockHeaderAPI, parent_header: BlockHeaderAPI) -> None:
        """Accept any base fee; the gas limit never changes."""
        if header.gas_limit != parent_header.gas_limit:
            raise ValidationError("the gas limit changes")


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts after a block."""

    state: StateAPI

    def balance(self, address: bytes) -> int:
        """The wei of an account."""
        return int(self.state.get_balance(Address(address)))

    def nonce(self, address: bytes) -> int:
        """The nonce of its next transaction."""
        return int(self.state.get_nonce(Address(address)))

    def code(self, address: bytes) -> bytes:
        """The code of a contract."""
        return bytes(self.state.get_code(Address(address)))


class Evm:
    """All blocks of all branches, and the states after them."""

    def __init__(self, chain_id: int, balances: Mapping[bytes, int], time: int) -> None:
        self.chain_id = chain_id
        configured = MiningChain.configure(
            "_Chain", chain_id=chain_id, vm_configuration=((0, _Vm),)
        )
        state: dict[Address, AccountDetails] = {
            Address(address): {"balance": balance, "nonce": 0, "code": b"", "storage": {}}
            for address, balance in balances.items()
        }
        fields: dict[str, HeaderParams] = {
            "difficulty": 0,
            "gas_limit": GAS_LIMIT,
            "timestamp": time,
            "coinbase": FEE_RECIPIENT,
            "base_fee_per_gas": START_BASE_FEE,
            "nonce": bytes(8),
            "mix_hash": bytes(32),
            "extra_data": b"",
        }
        self._chain = configured.from_genesis(AtomicDB(), fields, state)
        header = self._chain.get_canonical_block_header_by_number(BlockNumber(0))
        self.genesis: BlockAPI = self._chain.get_block_by_header(header)

    def build(
        self,
        parent: BlockHeaderAPI,
        transactions: Sequence[SignedTransactionAPI],
        *,
        time: int,
        base_fee: int | None = None,
    ) -> Built:
        """Build a block on another one and keep it.

        Args:
            parent: the block below.
            transactions: in their order; those that cannot be in the block are left out.
            time: seconds since 1970, after the parent's.
            base_fee: wei per gas; None: what follows from the parent.
        """
        header = self._next_header(parent, time, base_fee)
        vm = self._chain.get_vm(header)
        executed: list[Executed] = []
        left_out: list[SignedTransactionAPI] = []
        for one in transactions:
            done, header = self._execute(vm, header, one)
            if done:
                executed.append(done)
            else:
                left_out.append(one)
        block = self._finished(vm, header, executed)
        return Built(block, executed, left_out)

    def _execute(
        self, vm: VirtualMachineAPI, header: BlockHeaderAPI, one: SignedTransactionAPI
    ) -> tuple[Executed | None, BlockHeaderAPI]:
        before = header.gas_used
        try:
            receipt, computation = vm.apply_transaction(header, one)
        except ValidationError:
            return None, header
        header = vm.add_receipt_to_header(header, receipt)
        return Executed(one, receipt, computation, header.gas_used - before), header

    def _finished(
        self, vm: VirtualMachineAPI, header: BlockHeaderAPI, executed: Sequence[Executed]
    ) -> BlockAPI:
        filled = vm.set_block_transactions_and_withdrawals(
            vm.get_block(),
            header,
            [one.transaction for one in executed],
            [one.receipt for one in executed],
        )
        block = vm.mine_block(filled).block
        self._chain.chaindb.persist_block(block)
        return block

    def _next_header(
        self, parent: BlockHeaderAPI, time: int, base_fee: int | None = None
    ) -> BlockHeaderAPI:
        header = self._chain.create_header_from_parent(
            parent, timestamp=max(time, parent.timestamp + 1), gas_limit=GAS_LIMIT
        )
        header = header.copy(coinbase=FEE_RECIPIENT)
        return header if base_fee is None else header.copy(base_fee_per_gas=base_fee)

    def next_base_fee(self, parent: BlockHeaderAPI) -> int:
        """The base fee that follows from a block, in wei."""
        return base_fee_of(self._next_header(parent, 0))

    def accounts_after(self, header: BlockHeaderAPI) -> Accounts:
        """The accounts after a block."""
        return Accounts(self._vm_after(header).state)

    def _vm_after(self, header: BlockHeaderAPI) -> VirtualMachineAPI:
        return self._chain.get_vm(self._next_header(header, header.timestamp + 1))

    def call(self, header: BlockHeaderAPI, request: Request) -> ComputationAPI:
        """Execute a call on the state after a block; nothing is kept.

        Raises:
            BadTransaction: it cannot start, for example because the sender has too little.
        """
        vm = self._vm_after(header)
        nonce = vm.state.get_nonce(Address(request.sender))
        unsigned = PragueTransactionBuilder.create_unsigned_transaction(
            nonce=nonce,
            gas_price=0,
            gas=request.gas,
            to=Address(request.to),
            value=request.value,
            data=request.data,
        )
        spoofed: Any = SpoofTransaction(unsigned, from_=request.sender)
        try:
            with vm.in_costless_state() as state:
                return state.costless_execute_transaction(spoofed)
        except ValidationError as error:
            raise BadTransaction(str(error)) from error


def base_fee_of(header: BlockHeaderAPI) -> int:
    """The base fee of a block, in wei per gas."""
    return int(header.base_fee_per_gas or 0)


def decode(raw: bytes) -> SignedTransactionAPI:
    """A signed transaction from its bytes.

    Raises:
        BadTransaction: they are none, or the signature is not valid.
    """
    try:
        transaction = PragueTransactionBuilder.decode(raw)
        transaction.validate()
        transaction.check_signature_validity()
    except Exception as error:
        raise BadTransaction(str(error)) from error
    return transaction
