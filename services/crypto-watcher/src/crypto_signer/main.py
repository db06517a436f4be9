"""The process of the signer: protect its memory, open the wallet, then sign until SIGTERM."""

import sys

import uvloop

from cift_shared.addresses import check_listens
from cift_shared.errors import SettingsInvalid
from cift_shared.settings import load_if_set, load_settings
from crypto_signer.app import Chain, bitcoin_chain, ethereum_chain, run
from crypto_signer.settings import SignerSettings
from ethereum_signer.settings import EthereumSignerSettings
from wallet_keys import envelope, key_file, memory, seed_file
from wallet_keys.account import BitcoinAccount
from wallet_keys.envelope import Lock
from wallet_keys.ethereum_account import EthereumAccount


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
    check_listens("CIFT_OPS", settings.ops_host, settings.ops_port)
    uvloop.run(run(settings, chains_of(settings, load_if_set(EthereumSignerSettings))))


def chains_of(settings: SignerSettings, ethereum: EthereumSignerSettings | None) -> list[Chain]:
    """Bitcoin, and Ethereum where its key is the wallet's; the seed is forgotten afterwards.

    Raises:
        SettingsInvalid: it is not the wallet of CRYPTO_BTC_XPUB, or a list can't be read.
        WalletUnusable: the file can't be read or opened.
    """
    lock = settings.lock()
    seed = seed_file.unseal(envelope.read(settings.wallet_file), lock, settings.network)
    chains = [bitcoin_chain(settings, bitcoin_account(settings, seed))]
    account = None if ethereum is None else ethereum_account(ethereum, seed, lock)
    if ethereum is not None and account is not None:
        chains.append(ethereum_chain(settings, ethereum, account))
    seed.forget()
    return chains


def bitcoin_account(settings: SignerSettings, seed: seed_file.Seed) -> BitcoinAccount:
    """The keys of Bitcoin.

    Raises:
        SettingsInvalid: it is not the wallet of CRYPTO_BTC_XPUB.
    """
    account = BitcoinAccount(seed)
    if settings.xpub is not None and account.xpub not in settings.xpub:
        raise SettingsInvalid("CRYPTO_BTC_XPUB: not the key of the wallet in CRYPTO_WALLET_FILE")
    return account


def ethereum_account(
    settings: EthereumSignerSettings, seed: seed_file.Seed, lock: Lock
) -> EthereumAccount | None:
    """The keys of Ethereum; None if CRYPTO_ETH_XPUB is of another wallet, which only receives.

    That was the only way before the signer knew Ethereum, so it must not stop the start.

    Raises:
        SettingsInvalid: CRYPTO_ETH_HOT_ADDRESS is not the account that pays.
        WalletUnusable: the file of the imported account can't be read or opened.
    """
    payer = None
    if settings.key_file is not None:
        payer = key_file.unseal(envelope.read(settings.key_file), lock, seed.network)
    account = EthereumAccount(seed, payer)
    if account.xpub == settings.xpub:
        check_payer(settings, account)
        return account
    sys.stderr.write("crypto-signer: CRYPTO_ETH_XPUB is of another wallet: no ether is signed\n")
    return None


def check_payer(settings: EthereumSignerSettings, account: EthereumAccount) -> None:
    """Refuse another account than the watcher has been told: it would plan what nobody signs.

    Raises:
        SettingsInvalid: names the account that pays, which is public.
    """
    told = account.hot if settings.payer is None else settings.payer.script
    is_told = settings.key_file is None or settings.payer is not None
    if told != account.hot or not is_told:
        raise SettingsInvalid(
            f"CRYPTO_ETH_HOT_ADDRESS: must be {account.hot_address}, the account that pays"
        )
