"""A transfer's bytes: read back exactly, and nothing else is taken for one."""

from dataclasses import replace

import pytest
import rlp as oracle
from hypothesis import given
from hypothesis import strategies as st

from ethereum_watcher import rlp
from ethereum_watcher.ether_transfers import Transfer, TransferInvalid, parse, unsigned_bytes
from ethereum_watcher.token_calls import (
    DECIMALS,
    balance_data,
    read_transfer_data,
    transfer_data,
)
from tests.unit.ethereum_signer.test_signing import TRANSFER, TRANSFERS

CALL = transfer_data(b"\x22" * 20, 5)
SELECTOR = CALL[:4]
TOKENS = replace(TRANSFER, contract=b"\x33" * 20)
ITEMS = st.lists(st.binary(max_size=80) | st.just(()), max_size=12)


@given(ITEMS)
def test_lists_are_encoded_as_by_another_library(items: list[rlp.Item]) -> None:
    raw = rlp.encoded(items)
    assert raw == oracle.encode([list(one) if one == () else one for one in items])
    assert rlp.decoded(raw) == items


@given(st.binary(max_size=120))
def test_only_what_another_library_reads_is_read(raw: bytes) -> None:
    try:
        found = rlp.decoded(raw)
    except rlp.RlpInvalid:
        return
    assert oracle.encode([list(one) if one == () else one for one in found]) == raw
    assert oracle.decode(raw) is not None


@given(TRANSFERS)
def test_a_transfer_is_read_back(transfer: Transfer) -> None:
    assert parse(unsigned_bytes(transfer)) == transfer


def test_what_it_can_cost_is_the_limit_at_the_highest_price() -> None:
    assert TRANSFER.fee_max == 21_000 * 20 * 10**9
    assert TRANSFER.ether_max == TRANSFER.fee_max + 10**18
    assert TOKENS.ether_max == TOKENS.fee_max == 21_000 * 20 * 10**9


def test_the_call_of_a_token_is_the_one_that_its_standard_says() -> None:
    """Source: the example of the Contract ABI Specification has this selector for this function."""
    assert transfer_data(b"\x22" * 20, 5).hex() == f"a9059cbb{'00' * 12}{'22' * 20}{5:064x}"
    assert balance_data(b"\x22" * 20).hex() == f"70a08231{'00' * 12}{'22' * 20}"
    assert DECIMALS.hex() == "313ce567"


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**256 - 1))
def test_the_data_of_a_transfer_are_read_back(account: bytes, amount: int) -> None:
    assert read_transfer_data(transfer_data(account, amount)) == (account, amount)


@given(st.binary(max_size=80) | st.binary(min_size=64, max_size=64).map(SELECTOR.__add__))
def test_whatever_is_read_is_written_in_the_same_way(data: bytes) -> None:
    moved = read_transfer_data(data)
    assert moved is None or transfer_data(*moved) == data


def _with(**over: rlp.Item) -> bytes:
    names = ("chain_id", "nonce", "tip", "max_fee", "gas", "account", "wei", "data", "access")
    items = dict(zip(names, rlp.decoded(unsigned_bytes(TRANSFER)[1:]), strict=True))
    return b"\x02" + rlp.encoded(list({**items, **over}.values()))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x02",
        b"\x01" + unsigned_bytes(TRANSFER)[1:],
        unsigned_bytes(TRANSFER)[1:],
        unsigned_bytes(TRANSFER) + b"\0",
        unsigned_bytes(TRANSFER)[:-1],
        _with(data=b"\xa9\x05\x9c\xbb"),
        _with(wei=b"", data=CALL[:-1]),
        _with(wei=b"", data=CALL + b"\0"),
        _with(wei=b"", data=b"\xa9\x05\x9c\xbc" + CALL[4:]),
        _with(wei=b"", data=CALL[:4] + b"\1" + CALL[5:]),
        _with(wei=b"", data=CALL[:15] + b"\1" + CALL[16:]),
        _with(data=CALL),
        _with(wei=b"\1", data=CALL),
        _with(wei=b"", data=CALL, account=b""),
        _with(account=b""),
        _with(account=b"\x11" * 21),
        _with(nonce=b"\0\x05"),
        _with(access=b"\x01"),
        _with(wei=()),
        b"\x02" + rlp.encoded([b""] * 8),
        b"\x02" + rlp.encoded([*[b""] * 9, ()]),
    ],
    ids=[
        "nothing", "a type only", "another type", "no type", "more bytes", "fewer bytes",
        "a call", "a short call", "a long call", "another function", "a long recipient",
        "a recipient of 21 bytes", "ether to a token", "one wei to a token", "a call of nobody",
        "a new contract", "a long account", "a leading zero", "no access list",
        "a list for a number", "too few fields", "too many fields",
    ],
)  # fmt: skip
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(TransferInvalid):
        parse(raw)


def test_numbers_that_no_transaction_has_are_refused() -> None:
    with pytest.raises(TransferInvalid):
        parse(unsigned_bytes(replace(TRANSFER, wei=2**256)))
    with pytest.raises(TransferInvalid):
        parse(unsigned_bytes(replace(TRANSFER, nonce=2**63)))
    assert parse(unsigned_bytes(replace(TRANSFER, wei=2**256 - 1, nonce=2**63 - 1)))
    assert parse(unsigned_bytes(replace(TOKENS, wei=2**256 - 1))).wei == 2**256 - 1
