"""Bugs where Ethereum's chain is read, and where ether is paid out."""

from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import ETHEREUM, ETHEREUM_SIGNER, Edit

MUTANTS = (
    Mutant(
        "eth-undone-block-kept",
        "a payment stays where it was when its block is undone, and is credited once that is final",
        "ethereum_gone_before_final",
        ("completed_has_moved", "providers_hold_what_the_books_say"),
        (
            Edit(
                f"{ETHEREUM}/chain_store.py",
                "            await connection.execute(UNDO_ARRIVALS, name)\n",
                "",
            ),
        ),
    ),
    Mutant(
        "eth-credited-before-final",
        "a deposit is credited while its block can still be undone",
        "ethereum_not_final_yet",
        ("completed_is_deep",),
        (
            Edit(
                f"{ETHEREUM}/domain.py",
                "return tip.final_height if self.blocks is None else tip.height - self.blocks + 1",
                "return tip.height",
            ),
        ),
    ),
    Mutant(
        "eth-balance-counts-twice",
        "what transactions paid is taken for an unexplained increase of the balance, too",
        "ethereum_paid",
        ("completed_has_moved", "providers_hold_what_the_books_say"),
        (
            Edit(
                f"{ETHEREUM}/balance_store.py",
                "select coalesce((select sum(wei) from ethereum.arrival\n"
                "                  where address = $1 and height > $2 and height <= $3 "
                "and currency = 'ETH'), 0)\n",
                "select 0\n",
            ),
        ),
    ),
    Mutant(
        "eth-network-fee-lost",
        "what the network takes for a withdrawal is not reported",
        "ethereum_paid_out",
        ("providers_hold_what_the_books_say",),
        (
            Edit(
                f"{ETHEREUM}/payouts.py",
                "Settled(attempt.request.amount, name, fee)",
                "Settled(attempt.request.amount, name)",
            ),
        ),
    ),
    Mutant(
        "eth-raised-with-another-nonce",
        "a withdrawal's second transaction has the next nonce, and the signer does not compare",
        "ethereum_left_out",
        ("movements_are_ours", "one_effect_a_command"),
        (
            Edit(
                f"{ETHEREUM}/sending.py",
                "replace(old, tip=offer.tip,",
                "replace(old, nonce=old.nonce + 1, tip=offer.tip,",
            ),
            Edit(
                f"{ETHEREUM_SIGNER}/policy.py",
                "    if history.nonce is not None and transfer.nonce != history.nonce:\n"
                '        return "independent_version"\n',
                "",
            ),
        ),
    ),
    Mutant(
        "eth-token-of-any-contract",
        "a transfer counts whatever contract wrote it",
        "ethereum_paid_in_tokens",
        ("completed_has_moved", "providers_hold_what_the_books_say"),
        (
            Edit(
                f"{ETHEREUM}/client.py",
                '"blockHash": name, "address": list(contracts), "topics"',
                '"blockHash": name, "topics"',
            ),
            Edit(
                f"{ETHEREUM}/token_transfers.py",
                "read_transfer(log) if log.contract in tokens else None",
                "read_transfer(log)",
            ),
            Edit(
                f"{ETHEREUM}/token_transfers.py",
                "tokens[log.contract]",
                'tokens.get(log.contract, "USDC")',
            ),
        ),
    ),
    Mutant(
        "eth-token-places",
        "amounts of tokens are read with eight places",
        "ethereum_paid_in_tokens",
        ("completed_has_moved", "providers_hold_what_the_books_say"),
        (
            Edit(
                f"{ETHEREUM}/token_transfers.py",
                "moved.recipient, moved.amount, currency",
                "moved.recipient, moved.amount * 100, currency",
            ),
        ),
    ),
    Mutant(
        "eth-fee-of-a-token-in-the-token",
        "what the network takes for a withdrawal in a token is booked in the token",
        "ethereum_tokens_paid_out",
        ("providers_hold_what_the_books_say",),
        (
            Edit(
                f"{ETHEREUM}/payouts.py",
                "Money(version.fee or 0, COIN)",
                "Money(version.fee or 0, attempt.request.amount.currency)",
            ),
        ),
    ),
    Mutant(
        "eth-another-token-is-paid",
        "a withdrawal in USDC pays USDT, and the signer does not compare the currency",
        "ethereum_tokens_paid_out",
        ("providers_hold_what_the_books_say",),
        (
            Edit(
                f"{ETHEREUM}/payouts.py",
                "contract = self._context.contracts.get(currency)",
                'contract = self._context.contracts.get({"USDC": "USDT"}.get(currency, currency))',
            ),
            Edit(
                f"{ETHEREUM_SIGNER}/policy.py",
                "Asked(transfer.account, transfer.wei, currency) != asked",
                "Asked(transfer.account, transfer.wei, asked.currency) != asked",
            ),
        ),
    ),
    Mutant(
        "eth-cap-of-a-token-ignored",
        "the signer signs a withdrawal in a token of any amount",
        "ethereum_tokens_above_cap",
        ("withdrawals_stay_within_caps",),
        (
            Edit(
                f"{ETHEREUM_SIGNER}/policy.py",
                "transfer.wei > caps.transaction_max",
                "transfer.wei < 0",
            ),
        ),
    ),
    Mutant(
        "eth-gas-is-credited",
        "ether that is sent to a deposit's address for gas is taken for a customer's money",
        "ethereum_tokens_consolidated",
        ("providers_hold_what_the_books_say",),
        (
            Edit(
                f"{ETHEREUM}/scanner.py",
                "            if one.sender == hot:\n",
                "            if hot is None:\n",
            ),
        ),
    ),
    Mutant(
        "eth-consolidation-fee-lost",
        "what the network takes for moving deposits is not reported",
        "ethereum_tokens_consolidated",
        ("own_moves_are_charged",),
        (
            Edit(
                f"{ETHEREUM}/own_transfers.py",
                "            if charge.fee:\n",
                "            if charge.fee < 0:\n",
            ),
        ),
    ),
)
