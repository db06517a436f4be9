"""Every change of the statements that decide about money on a chain: what is sent and credited."""

from tests.mutation.sql_changes import every
from tests.mutation.sql_mutant import SqlMutant

_BITCOIN, _ETHEREUM = "crypto_watcher", "ethereum_watcher"


def _of(module: str, names: str, folder: str, test: str) -> list[SqlMutant]:
    file = f"tests/integration/{folder}/test_{test}.py"
    return [one for name in names.split() for one in every(f"query {module}.{name}", file)]


SIGNED = [
    *_of("ethereum_signer.store", "OPEN COMMAND SIGNED NONCE DAY", _ETHEREUM, "signer_store"),
    *_of(
        "crypto_signer.store",
        "OPEN COMMAND SIGNED MEMBERS DAY INPUTS OPEN_TRANSFERS DAY_TRANSFERS SIGNED_COIN",
        _BITCOIN,
        "signer_store",
    ),
    *_of("chain_watch.approval_store", "DECISION WAITS", _BITCOIN, "signer_terms"),
    *_of("chain_watch.funds_store", "HELD", _BITCOIN, "signer_terms"),
    *_of("chain_watch.fence", "HELD", _BITCOIN, "signer_terms"),
]

PLANNED = [
    *_of(
        "ethereum_watcher.payout_store",
        "LOCK OPEN TOKENS VERSIONS OWN_WEI IS_OURS MARK_SENT MARK_SETTLED RELEASE REFUSED "
        "HIGHEST_SIGNED OPEN_FILLERS UNDONE HIGHEST_FOREIGN TELL_FOREIGN SIGNER_LEADS",
        _ETHEREUM,
        "payout_store",
    ),
    *_of("ethereum_watcher.hot_account", "UNDO FOLLOW", _ETHEREUM, "payout_store"),
    *_of(
        "ethereum_watcher.consolidation_store",
        "OPEN HOLDING RELEASE END_PASSED",
        _ETHEREUM,
        "transfer_store",
    ),
    *_of("ethereum_watcher.transfer_store", "UNCHARGED END", _ETHEREUM, "transfer_store"),
    *_of(
        "bitcoin_watcher.payout_store",
        "IS_OURS GROUP VERSIONS MARK_SENT MARK_SETTLED RELEASE RELEASE_UNUSED UNDONE SIGNER_LEADS",
        _BITCOIN,
        "payout_store",
    ),
    *_of(
        "bitcoin_watcher.payout_groups",
        "MEMBERS WAITING JOIN DISSOLVE GIVE_BACK",
        _BITCOIN,
        "payout_store",
    ),
    *_of(
        "bitcoin_watcher.spend_store",
        "SPENDABLE SMALL NEXT_CHANGE STORE_INPUTS HELD INPUTS",
        _BITCOIN,
        "payout_store",
    ),
    *_of(
        "bitcoin_watcher.transfer_store",
        "HELD IS_HOT OPEN_SWEEP EXPIRED RELEASE GIVE_BACK UNCHARGED MARK_CHARGED",
        _BITCOIN,
        "transfer_store",
    ),
    *_of(
        "bitcoin_watcher.consolidation_store",
        "PLANNED_SINCE OPEN RELEASE",
        _BITCOIN,
        "transfer_store",
    ),
]

CREDITED = [
    *_of(
        "chain_watch.deposit_store",
        "KNOWN NEXT_INDEX ARRIVALS NAME_PAYMENT RELEASE_CLAIMS CLAIM",
        _BITCOIN,
        "credit_store",
    ),
    *_of(
        "chain_watch.credits",
        "UNCLAIMED LOST RETURNED MARK_RECEIVED MARK_REVERSED MARK_RETURNED",
        _BITCOIN,
        "credit_store",
    ),
]
