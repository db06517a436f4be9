"""Commands for operators of the wallet: `cift wallet ...`."""

import os
import sys
from pathlib import Path
from typing import Any, cast, get_args

import click

from bitcoin_method.networks import Network
from cift_shared.cli import Lazy, LazyGroup, Output, Table, WrongInput, command, environment

_FILE = click.Path(dir_okay=False, path_type=Path)
BACKUP_PASSPHRASE = "CRYPTO_WALLET_BACKUP_PASSPHRASE"  # noqa: S105  the name of a variable
KEYSTORE_PASSPHRASE = "CRYPTO_KEYSTORE_PASSPHRASE"  # noqa: S105  the name of a variable
ADDRESSES_MAX = 1000


def _index() -> tuple[Lazy, ...]:
    here = "wallet_keys.cli"
    return (
        Lazy("create", f"{here}:create", "Create a wallet's file, and print its public key."),
        Lazy("show", f"{here}:show", "Print public keys and the account that pays."),
        Lazy("addresses", f"{here}:addresses", "Print the first addresses of the wallet."),
        Lazy("approvals", "crypto_watcher.approvals:approvals", "List what waits for approval."),
        Lazy("approve", "crypto_watcher.approvals:approve", "Approve a large withdrawal."),
        Lazy("balance", "crypto_watcher.wallet:balance", "Print what the hot wallets hold."),
        Lazy("backup", f"{here}:backup", "Write an encrypted copy under another passphrase."),
        Lazy("import-keystore", f"{here}:import_keystore", "Import the account that pays ether."),
        Lazy("reject", "crypto_watcher.approvals:reject", "Reject a large withdrawal."),
        Lazy("reserves", "crypto_watcher.reserves:reserves", "Compare the chains with the ledger."),
        Lazy("restore", f"{here}:restore", "Make the wallet's file again from a backup."),
        Lazy("sweep", "crypto_watcher.wallet:sweep", "Propose a transfer to the cold address."),
    )


wallet = LazyGroup(
    "wallet", index=_index, help="The wallet that pays withdrawals by Bitcoin and Ethereum."
)

_network = click.option(
    "--network",
    type=click.Choice(get_args(Network)),
    envvar="CRYPTO_BTC_NETWORK",
    default="main",
    show_default=True,
    help="The network; as CRYPTO_BTC_NETWORK.",
)
_file = click.option(
    "--file",
    "path",
    type=_FILE,
    envvar="CRYPTO_WALLET_FILE",
    required=True,
    help="The wallet's file; as CRYPTO_WALLET_FILE.",
)


@command("create")
@_file
@_network
@click.option("--show-words", is_flag=True, help="Also print the 24 words, this one time.")
def create(path: Path, network: str, *, show_words: bool) -> Output:
    """Create a wallet's file, encrypted by CRYPTO_WALLET_PASSPHRASE or a key of Vault.

    The printed keys are public: the values of CRYPTO_BTC_XPUB and CRYPTO_ETH_XPUB. The hot address
    is the account that pays ether.
    """
    from wallet_keys import envelope, seed_file  # noqa: PLC0415  loads libwally

    lock = _lock()
    seed = seed_file.new_seed(cast("Network", network))
    envelope.write(path, seed_file.seal(seed, lock))
    return _shown(seed, show_words=show_words)


@command("show")
@_file
@_network
@click.option(
    "--key-file",
    type=_FILE,
    envvar="CRYPTO_ETH_KEY_FILE",
    help="An imported account; as CRYPTO_ETH_KEY_FILE.",
)
def show(path: Path, network: str, key_file: Path | None) -> Output:
    """Print the public keys of the wallet, and the account that pays ether."""
    seed = _opened(path, network)
    return _shown(seed, show_words=False, payer=_imported(key_file, network))


@command("import-keystore")
@click.argument("keystore", type=_FILE)
@click.option(
    "--to",
    "key_file",
    type=_FILE,
    envvar="CRYPTO_ETH_KEY_FILE",
    required=True,
    help="The new file; as CRYPTO_ETH_KEY_FILE.",
)
@_network
def import_keystore(keystore: Path, key_file: Path, network: str) -> Output:
    """Import an account of Ethereum from a keystore file of another wallet (version 3).

    The keystore is opened with CRYPTO_KEYSTORE_PASSPHRASE, or the command asks for its passphrase.
    The new file is encrypted as the wallet's. The printed address is the value of
    CRYPTO_ETH_HOT_ADDRESS: this account pays withdrawals then.
    """
    from wallet_keys import envelope  # noqa: PLC0415  loads libwally
    from wallet_keys import key_file as key_files  # noqa: PLC0415
    from wallet_keys.keystore import read_keystore  # noqa: PLC0415

    lock, content = _lock(), envelope.read(keystore)
    key = read_keystore(content, _keystore_passphrase())
    envelope.write(key_file, key_files.seal(key, lock, cast("Network", network)))
    document = {"address": key.address, "file": str(key_file)}
    return Output(document, [f"{key.address}: written to {key_file}"], [key.address])


@command("addresses")
@_file
@_network
@click.option("--count", type=click.IntRange(1, ADDRESSES_MAX), default=5, show_default=True)
@click.option("--change", is_flag=True, help="The addresses of change instead of deposits.")
def addresses(path: Path, network: str, count: int, *, change: bool) -> Output:
    """Print the first addresses of the wallet on Bitcoin's network."""
    from bitcoin_watcher.addresses import address_of  # noqa: PLC0415  loads libwally
    from wallet_keys.account import BitcoinAccount  # noqa: PLC0415

    account, chain = BitcoinAccount(_opened(path, network)), 1 if change else 0
    found = [
        {
            "path": f"m/{account.path}/{chain}/{index}",
            "address": address_of(account.script(chain, index), account.network),
        }
        for index in range(count)
    ]
    rows = [[one["path"], one["address"]] for one in found]
    return Output(found, [Table(["PATH", "ADDRESS"], rows)], [one["address"] for one in found])


@command("backup")
@_file
@_network
@click.option("--to", "copy", type=_FILE, required=True, help="The new file.")
def backup(path: Path, network: str, copy: Path) -> Output:
    """Write an encrypted copy of the wallet under CRYPTO_WALLET_BACKUP_PASSPHRASE."""
    from wallet_keys import envelope, seed_file  # noqa: PLC0415  loads libwally

    seed = _opened(path, network)
    envelope.write(copy, seed_file.seal(seed, _backup_lock()))
    return Output(
        {"wallet_id": seed.wallet_id, "file": str(copy)},
        [f"wallet {seed.wallet_id}: written to {copy}"],
        [seed.wallet_id],
    )


@command("restore")
@_file
@_network
@click.option("--from", "copy", type=_FILE, help="A file made by `cift wallet backup`.")
@click.option("--words", is_flag=True, help="Read the 24 words from standard input instead.")
def restore(path: Path, network: str, copy: Path | None, *, words: bool) -> Output:
    """Make the wallet's file again, encrypted as by `create`.

    A backup is opened with CRYPTO_WALLET_BACKUP_PASSPHRASE.
    """
    from wallet_keys import envelope, seed_file  # noqa: PLC0415  loads libwally
    from wallet_keys.account import entropy_of  # noqa: PLC0415

    if words == (copy is not None):
        raise click.UsageError("either --from or --words")
    lock, known = _lock(), cast("Network", network)
    if copy is not None:
        seed = seed_file.unseal(envelope.read(copy), _backup_lock(), known)
    else:
        blank = seed_file.new_seed(known)
        seed = seed_file.Seed(known, blank.wallet_id, entropy_of(sys.stdin.read()))
    envelope.write(path, seed_file.seal(seed, lock))
    return _shown(seed, show_words=False)


def _lock() -> Any:
    """What wraps the keys of the wallet's files: the passphrase, or a key of Vault."""
    from cift_shared.settings import load_settings  # noqa: PLC0415  slow to import
    from wallet_keys.settings import LockSettings  # noqa: PLC0415

    return load_settings(LockSettings).lock()


def _backup_lock() -> Any:
    """Always a passphrase: who has lost Vault, too, can restore the wallet."""
    from wallet_keys.envelope import Passphrase  # noqa: PLC0415

    return Passphrase(environment(BACKUP_PASSPHRASE))


def _opened(path: Path, network: str) -> Any:
    from wallet_keys import envelope, seed_file  # noqa: PLC0415  loads libwally

    lock = _lock()
    return seed_file.unseal(envelope.read(path), lock, cast("Network", network))


def _imported(path: Path | None, network: str) -> Any:
    """The key of the imported account; None without one."""
    from wallet_keys import envelope, key_file  # noqa: PLC0415  loads libwally

    if path is None:
        return None
    return key_file.unseal(envelope.read(path), _lock(), cast("Network", network))


def _is_person() -> bool:
    return sys.stdin.isatty()


def _keystore_passphrase() -> str:
    """From its variable or file; asked for where there is neither, and a person can answer."""
    try:
        return environment(KEYSTORE_PASSPHRASE)
    except WrongInput:
        is_set = any(os.environ.get(f"{KEYSTORE_PASSPHRASE}{end}") for end in ("", "_FILE"))
        if is_set or not _is_person():
            raise
    return str(click.prompt("Passphrase of the keystore", hide_input=True, err=True))


def _shown(seed: Any, *, show_words: bool, payer: Any = None) -> Output:
    from wallet_keys.account import BitcoinAccount, words_of  # noqa: PLC0415  loads libwally
    from wallet_keys.ethereum_account import EthereumAccount  # noqa: PLC0415

    account, ethereum = BitcoinAccount(seed), EthereumAccount(seed, payer)
    document = {
        "wallet_id": seed.wallet_id,
        "network": seed.network,
        "fingerprint": account.fingerprint,
        "path": f"m/{account.path}",
        "xpub": account.xpub,
        "ethereum_path": f"m/{ethereum.path}",
        "ethereum_xpub": ethereum.xpub,
        "ethereum_hot_address": ethereum.hot_address,
    }
    lines = [f"{name}: {value}" for name, value in document.items()]
    if show_words:
        document["words"] = words_of(seed)
        lines += ["", document["words"], "", "Write these words down. They are not shown again."]
    return Output(document, lines, [account.xpub])
