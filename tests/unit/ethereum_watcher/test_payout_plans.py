"""What the account has must cover what a transaction pays and its fee; how far its nonces are."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethereum_watcher.payout_fees import Fee
from ethereum_watcher.payout_plans import Room, Version
from tests.unit.ethereum_signer.test_signing import TRANSFER

CONTRACT, OTHER = b"\x33" * 20, b"\x44" * 20
TOKENS = replace(TRANSFER, contract=CONTRACT)
FEE = TRANSFER.fee_max
AMOUNTS = st.integers(0, 2**80)


@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_ether_covers_amount_and_fee(wei: int, held: int, tokens: int) -> None:
    room = Room(0, held, 0, {CONTRACT: tokens})
    assert room.covers(replace(TRANSFER, wei=wei)) == (wei + FEE <= held)


@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_a_token_covers_the_amount_and_ether_the_fee(amount: int, held: int, tokens: int) -> None:
    room = Room(0, held, 0, {CONTRACT: tokens, OTHER: 2**90})
    enough = amount <= tokens and held >= FEE
    assert room.covers(replace(TOKENS, wei=amount)) == enough


def test_exactly_enough_is_enough() -> None:
    paid = replace(TOKENS, wei=5)
    assert Room(0, FEE, 0, {CONTRACT: 5}).covers(paid)
    assert not Room(0, FEE, 0, {CONTRACT: 4}).covers(paid)
    assert not Room(0, FEE - 1, 0, {CONTRACT: 5}).covers(paid)
    assert not Room(0, FEE, 0, {OTHER: 5}).covers(paid)
    assert not Room(0, FEE, 0, {OTHER: 5}).covers(replace(TOKENS, wei=1))
    assert Room(0, FEE + TRANSFER.wei, 0).covers(TRANSFER)
    assert not Room(0, FEE + TRANSFER.wei - 1, 0).covers(TRANSFER)


@pytest.mark.parametrize(
    ("nonce", "is_passed", "is_next"),
    [(None, False, False), (4, True, False), (5, False, True), (6, False, False)],
    ids=["given back", "in a block", "the next one", "a later one"],
)
def test_how_far_the_nonces_are(nonce: int | None, is_passed: bool, is_next: bool) -> None:
    version = Version(
        version=1, unsigned=b"", gas=21_000, offer=Fee(2, 1), nonce=nonce, chain_nonce=5
    )
    assert (version.is_passed, version.is_next) == (is_passed, is_next)
    assert version.has_moved


def test_signed_bytes_are_not_shown() -> None:
    """Who has them can send them."""
    version = Version(
        version=1, unsigned=b"", gas=21_000, offer=Fee(2, 1), nonce=4, chain_nonce=5, raw=b"signed"
    )
    assert "signed'" not in repr(version)
