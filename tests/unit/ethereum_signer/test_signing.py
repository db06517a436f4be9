"""Signatures: deterministic, accepted by an independent library, and of the account that pays."""

from dataclasses import replace

from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from ethereum_signer.signing import sign
from ethereum_watcher.addresses import checksummed
from ethereum_watcher.ether_transfers import Transfer, hash_of, unsigned_bytes
from tests.support import ethereum_contracts
from tests.support.ethereum_wallet import ACCOUNT

TRANSFER = Transfer(
    chain_id=31337,
    nonce=5,
    tip=10**9,
    max_fee=20 * 10**9,
    gas=21_000,
    account=b"\x11" * 20,
    wei=10**18,
)
NUMBERS = st.integers(0, 2**100)
TRANSFERS = st.builds(
    Transfer,
    chain_id=st.integers(1, 2**53),
    nonce=st.integers(0, 2**40),
    tip=NUMBERS,
    max_fee=NUMBERS,
    gas=st.integers(21_000, 10**7),
    account=st.binary(min_size=20, max_size=20),
    wei=NUMBERS,
    contract=st.none() | st.binary(min_size=20, max_size=20),
)


@given(TRANSFERS)
def test_another_library_makes_the_same_bytes(transfer: Transfer) -> None:
    to, wei, data = transfer.account, transfer.wei, b""
    if transfer.contract is not None:
        to, wei, data = transfer.contract, 0, ethereum_contracts.transfer(to, wei)
    fields = {
        "type": 2,
        "chainId": transfer.chain_id,
        "nonce": transfer.nonce,
        "maxPriorityFeePerGas": transfer.tip,
        "maxFeePerGas": transfer.max_fee,
        "gas": transfer.gas,
        "to": checksummed(to),
        "value": wei,
        "data": data,
    }
    expected = Account.from_key(ACCOUNT.hot_key()).sign_transaction(fields)
    made = sign(unsigned_bytes(transfer), ACCOUNT)
    assert made.raw == bytes(expected.raw_transaction)
    assert made.hash == "0x" + bytes(expected.hash).hex()


def test_the_account_that_pays_is_the_sender() -> None:
    made = sign(unsigned_bytes(TRANSFER), ACCOUNT)
    assert Account.recover_transaction(made.raw) == ACCOUNT.hot_address
    assert made.hash == hash_of(made.raw)


def test_the_same_transfer_has_the_same_bytes_and_another_one_others() -> None:
    first = sign(unsigned_bytes(TRANSFER), ACCOUNT)
    assert sign(unsigned_bytes(TRANSFER), ACCOUNT) == first
    assert sign(unsigned_bytes(replace(TRANSFER, nonce=6)), ACCOUNT).raw != first.raw


def test_no_key_is_in_the_bytes() -> None:
    assert ACCOUNT.hot_key() not in sign(unsigned_bytes(TRANSFER), ACCOUNT).raw
