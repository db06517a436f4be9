"""The process of the signer: protect its memory, open the wallet, then sign until SIGTERM."""

import sys

import uvloop

from cift_shared.addresses import check_listens
from cift_shared.errors import SettingsInvalid
from cift_shared.settings import load_settings
from crypto_signer.app import run
from crypto_signer.settings import SignerSettings
from wallet_keys import memory, seed_file
from wallet_keys.account import BitcoinAccount


def main() -> None:
    """Open the wallet and run the signer.

    Raises:
        SettingsInvalid: a setting is missing or wrong, or the port is taken.
        WalletUnusable: the wallet's file can't be read or opened.
    """
    for refused in memory.protect():
        sys.stderr.write(f"crypto-signer: {refused}\n")
    settings = load_settings(SignerSettings)
    settings.check_database()
    settings.limits()
    check_listens("CIFT_OPS", settings.ops_host, settings.ops_port)
    uvloop.run(run(settings, opened(settings)))


def opened(settings: SignerSettings) -> BitcoinAccount:
    """The keys of the wallet.

    Raises:
        SettingsInvalid: it is not the wallet of CRYPTO_BTC_XPUB.
        WalletUnusable: the file can't be read or opened.
    """
    content = seed_file.read(settings.wallet_file)
    seed = seed_file.unseal(content, settings.passphrase.get_secret_value(), settings.network)
    account = BitcoinAccount(seed)
    seed.forget()
    if settings.xpub is not None and account.xpub not in settings.xpub:
        raise SettingsInvalid("CRYPTO_BTC_XPUB: not the key of the wallet in CRYPTO_WALLET_FILE")
    return account
