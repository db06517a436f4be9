"""Bitcoin Core's consensus code: whether a block or a script is valid.

`process_block` of the library reports only that a block was stored, so the verdict comes from its
callback. The library's databases are in memory; it writes blocks to a temporary directory.
"""

import shutil
import tempfile
from dataclasses import dataclass

import pbk
from pbk.script import PrecomputedTransactionData

from provider_sandbox.bitcoin.transaction import Output, Transaction


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the kernel decided about a block."""

    valid: bool
    reason: str = ""
    """A short name such as `bad-txns-inputs-missingorspent`, if it is not valid."""


_GENERAL_REASONS = {
    pbk.BlockValidationResult.INVALID_HEADER: "high-hash",
    pbk.BlockValidationResult.MISSING_PREV: "prev-blk-not-found",
    pbk.BlockValidationResult.INVALID_PREV: "bad-prevblk",
    pbk.BlockValidationResult.TIME_FUTURE: "time-too-new",
    pbk.BlockValidationResult.CACHED_INVALID: "duplicate-invalid",
    pbk.BlockValidationResult.MUTATED: "bad-txnmrklroot",
}


class Kernel:
    """One chain state; regtest."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="bitcoin-node-")
        self._verdict: Verdict | None = None
        callbacks = pbk.ValidationInterfaceCallbacks(block_checked=self._checked)
        self._context = pbk.make_context(pbk.ChainType.REGTEST, callbacks)
        options = pbk.ChainstateManagerOptions(
            self._context, self._folder, f"{self._folder}/blocks"
        )
        options.update_block_tree_db_in_memory(True)
        options.update_chainstate_db_in_memory(True)
        self._manager: pbk.ChainstateManager | None = pbk.ChainstateManager(options)

    def close(self) -> None:
        """Forget the chain and delete its files."""
        self._manager = None
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def tip(self) -> str:
        """The hash of the highest block of the chain with the most work."""
        entries = self._chain.block_tree_entries
        return str(entries[len(entries) - 1].block_hash)

    @property
    def genesis(self) -> bytes:
        """The first block."""
        assert self._manager
        return bytes(self._manager.blocks[self._chain.block_tree_entries[0]])

    @property
    def _chain(self) -> pbk.Chain:
        assert self._manager
        return self._manager.get_active_chain()

    def process(self, raw: bytes) -> Verdict:
        """Give a block to the kernel.

        A valid block on a branch with less work is stored and not yet checked against its inputs.
        """
        assert self._manager
        self._verdict = None
        try:
            block = pbk.Block(raw)
            self._manager.process_block(block)
        except (pbk.ProcessBlockException, RuntimeError):
            return self._verdict or Verdict(False, "rejected")
        return self._verdict or Verdict(True)

    def _checked(self, _data: object, _block: pbk.Block, state: pbk.BlockValidationState) -> None:
        """The kernel's callback; of several blocks the first invalid one decides."""
        if self._verdict and not self._verdict.valid:
            return
        valid = state.validation_mode == pbk.ValidationMode.VALID
        reason = _GENERAL_REASONS.get(state.block_validation_result, "invalid")
        self._verdict = Verdict(valid, "" if valid else reason)


def first_bad_input(transaction: Transaction, spent: list[Output]) -> int | None:
    """The first input whose script does not allow the spending, by the kernel's verifier.

    Args:
        transaction: the spending transaction.
        spent: the output that each input spends, in the order of the inputs.
    """
    checked = pbk.Transaction(transaction.raw())
    outputs = [pbk.TransactionOutput(pbk.ScriptPubkey(one.script), one.value) for one in spent]
    shared = PrecomputedTransactionData(checked, outputs)
    for number, one in enumerate(spent):
        script = pbk.ScriptPubkey(one.script)
        flags = pbk.ScriptVerificationFlags.ALL
        if not script.verify(one.value, checked, shared, number, flags):
            return number
    return None
