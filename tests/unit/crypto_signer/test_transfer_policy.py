"""The signer signs a transfer between our own addresses, and nothing that leaves them."""

from dataclasses import replace
from uuid import UUID

import pytest

from bitcoin_watcher.spending import Paid, Spent, build, parse
from chain_watch.verdicts import Refuse, Wait
from crypto_signer.policy import (
    Asked,
    Input,
    Limits,
    Sign,
    TransferHistory,
    TransferRequest,
    Verdict,
    judge_transfer,
)

OWN, FOREIGN = (b"\x00\x14" + letter * 20 for letter in (b"\x22", b"\x33"))
LIMITS = Limits(transaction_max=1, day_max=1, fee_max=5_000, transfers_day_max=2)
COINS = (Input("aa" * 32, 1, 40_000, 0, 4), Input("bb" * 32, 0, 60_000, 1, 5))
NEW = TransferHistory(0, are_coins_new=True)


def change(index: int) -> bytes:
    return OWN if index == 9 else FOREIGN


def request(
    *outputs: tuple[bytes, int],
    inputs: tuple[Input, ...] = COINS,
    lock_time: int = 800_000,
    sequence: int = 0xFFFFFFFD,
) -> TransferRequest:
    unsigned = build(
        [Spent(one.txid, one.vout, sequence) for one in inputs],
        [Paid(script, satoshi) for script, satoshi in outputs or ((OWN, 98_000),)],
        lock_time=lock_time,
    )
    return TransferRequest(
        txid=parse(unsigned).txid,
        transfer_id=UUID(int=7),
        unsigned=unsigned,
        change_index=9,
        inputs=inputs,
    )


def verdict(
    one: TransferRequest, history: TransferHistory = NEW, limits: Limits = LIMITS
) -> Verdict:
    return judge_transfer(one, limits, history, change)


def test_what_stays_ours_is_signed_whatever_the_limits_of_withdrawals() -> None:
    assert verdict(request()) == Sign(Asked(OWN, 98_000), 2_000)


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        (((FOREIGN, 98_000),), "foreign_output"),
        (((OWN, 49_000), (OWN, 49_000)), "foreign_output"),
        (((OWN, 49_000), (FOREIGN, 49_000)), "foreign_output"),
        (((OWN, 94_999),), "fee_above_limit"),
        (((OWN, 100_000),), "fee_above_limit"),
        (((OWN, 100_001),), "fee_above_limit"),
    ],
    ids=["foreign", "two outputs", "one of two is foreign", "high fee", "no fee", "too much"],
)
def test_an_altered_output_is_refused(outputs: tuple[tuple[bytes, int], ...], reason: str) -> None:
    assert verdict(request(*outputs)) == Refuse(reason)


def test_the_limits_of_the_fee() -> None:
    assert verdict(request((OWN, 95_000))) == Sign(Asked(OWN, 95_000), 5_000)
    assert verdict(request((OWN, 99_999))) == Sign(Asked(OWN, 99_999), 1)


@pytest.mark.parametrize("index", [None, 8])
def test_an_address_of_another_index_is_foreign(index: int | None) -> None:
    assert verdict(replace(request(), change_index=index)) == Refuse("foreign_output")


@pytest.mark.parametrize(
    ("altered", "reason"),
    [
        (replace(request(), txid="cc" * 32), "another_transaction"),
        (replace(request(), inputs=COINS[:1]), "other_inputs"),
        (replace(request(), unsigned=b"\x00"), "not_a_transaction"),
        (request(inputs=(COINS[0], COINS[0])), "other_inputs"),
        (request(sequence=0xFFFFFFFF), "other_inputs"),
        (request(lock_time=500_000_000), "unusual_form"),
    ],
    ids=["id", "fewer inputs", "bytes", "a coin twice", "final", "a date"],
)
def test_other_bytes_than_the_request_are_refused(altered: TransferRequest, reason: str) -> None:
    assert verdict(altered) == Refuse(reason)


def test_a_coin_that_a_withdrawal_may_spend_is_refused() -> None:
    assert verdict(request(), TransferHistory(0, are_coins_new=False)) == Refuse(
        "coin_signed_before"
    )


def test_above_the_number_of_a_day_it_waits() -> None:
    assert isinstance(verdict(request(), TransferHistory(1, are_coins_new=True)), Sign)
    assert verdict(request(), TransferHistory(2, are_coins_new=True)) == Wait("day_transfers")
    never = Limits(transaction_max=1, day_max=1, fee_max=5_000)
    assert verdict(request(), NEW, never) == Wait("day_transfers")
