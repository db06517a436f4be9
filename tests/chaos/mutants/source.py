"""A copy of the services with a bug in it, put before the real ones on the import path."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cift_shared.database.migrations.function_files import stamped

ROOT = Path(__file__).resolve().parents[3]
SHARED = "shared/src/cift_shared"
GATEWAY = "services/gateway/src/gateway"
LEDGER = "services/ledger/src/ledger"
MPESA = "services/mpesa-worker/src/mpesa_worker"
VODACOM = "services/mpesa-worker/src/vodacom_worker"
MOMO = "services/mpesa-worker/src/momo_worker"
CARD = "services/card-worker/src/card_worker"
PAYPAL = "services/paypal-worker/src/paypal_worker"
BITCOIN = "services/crypto-watcher/src/bitcoin_watcher"
ETHEREUM = "services/crypto-watcher/src/ethereum_watcher"
CHAIN = "services/crypto-watcher/src/chain_watch"
SIGNER = "services/crypto-watcher/src/crypto_signer"
ETHEREUM_SIGNER = "services/crypto-watcher/src/ethereum_signer"
CRYPTO = (
    BITCOIN,
    ETHEREUM,
    CHAIN,
    "services/crypto-watcher/src/crypto_watcher",
    SIGNER,
    ETHEREUM_SIGNER,
    "services/crypto-watcher/src/wallet_keys",
)
RAILS = (
    "services/mpesa-worker/src/mpesa_common",
    "services/mpesa-worker/src/mpesa_method",
    "services/mpesa-worker/src/vodacom_method",
    "services/mpesa-worker/src/momo_method",
    "services/card-worker/src/card_method",
    "services/paypal-worker/src/paypal_method",
    "services/crypto-watcher/src/bitcoin_method",
    "services/crypto-watcher/src/ethereum_method",
)
PACKAGES = (SHARED, GATEWAY, LEDGER, MPESA, VODACOM, MOMO, CARD, PAYPAL, *CRYPTO, *RAILS)


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one file: `old` must be there exactly once."""

    path: str
    """Below the project."""
    old: str
    new: str


class EditFailed(Exception):
    """The source is not what the mutant was written for."""


def snapshot(folder: Path) -> None:
    """Keep the packages as they are now: a run is about one state of the source."""
    for package in PACKAGES:
        # with the compiled files: what is not edited is not compiled again
        shutil.copytree(ROOT / package, folder / package)


def mutated(edits: Sequence[Edit], base: Path, folder: Path) -> str:
    """Copy a snapshot, apply the edits, answer the PYTHONPATH for it.

    Raises:
        EditFailed: a text to be replaced is not there exactly once.
    """
    shutil.copytree(base, folder)
    for edit in edits:
        file = folder / edit.path
        file.write_text(edited(file.read_text(), edit))
    return os.pathsep.join([*(str((folder / package).parent) for package in PACKAGES), str(ROOT)])


def edited(text: str, edit: Edit) -> str:
    """A file's text with the bug in it; a function's is a new revision, or nobody would run it.

    Raises:
        EditFailed: the text to be replaced is not there exactly once.
    """
    found = text.count(edit.old)
    if found != 1:
        raise EditFailed(f"{edit.path}: found {found} times, must be once: {edit.old!r}")
    changed = text.replace(edit.old, edit.new)
    return (
        stamped(changed) if edit.path.endswith(".sql") and "/functions/" in edit.path else changed
    )
