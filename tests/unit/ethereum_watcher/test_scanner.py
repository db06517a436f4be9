"""The search of blocks: exactly what moves ether of our addresses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ethereum_watcher.scanner import (
    BlockInvalid,
    Payment,
    Spending,
    check_header,
    concerned,
    effects,
)
from ethereum_watcher.wire import Block, Header, Receipt, Transaction

OURS, OTHER = b"\x01" * 20, b"\x02" * 20
BLOCK, BELOW = "0x" + "aa" * 32, "0x" + "bb" * 32


def text(account: bytes) -> str:
    return "0x" + account.hex()


def name(number: int) -> str:
    return f"0x{number:064x}"


def transaction(number: int = 1, **over: Any) -> dict[str, Any]:
    fields = {"hash": name(number), "blockHash": BLOCK, "from": text(OTHER), "to": text(OURS)}
    return {**fields, "nonce": "0x0", "value": "0x5", **over}


def block(*transactions: dict[str, Any], **over: Any) -> Block:
    head = {"hash": BLOCK, "number": "0x10", "parentHash": BELOW, "logsBloom": "0x" + "00" * 256}
    return Block.model_validate({**head, "transactions": list(transactions), **over})


def receipt(number: int = 1, **over: Any) -> Receipt:
    fields = {"transactionHash": name(number), "blockHash": BLOCK, "status": "0x1"}
    return Receipt.model_validate(
        {**fields, "gasUsed": "0x5208", "effectiveGasPrice": "0x2", **over}
    )


@pytest.mark.parametrize(
    ("over", "is_found"),
    [
        ({}, True),
        ({"to": text(OURS).upper().replace("0X", "0x")}, True),
        ({"to": text(OTHER)}, False),
        ({"to": None}, False),
        ({"value": "0x0"}, False),
        ({"from": text(OURS), "to": None, "value": "0x0"}, True),
        ({"from": text(OURS), "to": text(OTHER)}, True),
    ],
)
def test_what_concerns_us(over: dict[str, Any], is_found: bool) -> None:
    assert bool(concerned(block(transaction(**over)), {OURS})) == is_found


def test_a_transaction_of_another_block_is_a_lie() -> None:
    with pytest.raises(BlockInvalid):
        concerned(block(transaction(blockHash=BELOW)), {OURS})


def found(**over: Any) -> list[Transaction]:
    return concerned(block(transaction(**over)), {OURS})


def test_a_payment_counts_only_if_it_succeeded() -> None:
    assert effects(found(), [receipt()], {OURS}) == ([Payment(name(1), OURS, 5)], [])
    for status in ("0x0", "0x2"):
        assert effects(found(), [receipt(status=status)], {OURS}) == ([], [])


def test_what_leaves_costs_its_fee_even_if_it_fails() -> None:
    sent = {"from": text(OURS), "to": text(OTHER)}
    cost = 21_000 * 2
    assert effects(found(**sent), [receipt()], {OURS}) == (
        [], [Spending(name(1), OURS, 5 + cost)],
    )  # fmt: skip
    assert effects(found(**sent), [receipt(status="0x0")], {OURS}) == (
        [], [Spending(name(1), OURS, cost)],
    )  # fmt: skip


def test_ether_for_gas_is_nobodys_deposit() -> None:
    sent = found(**{"from": text(OTHER)})
    assert effects(sent, [receipt()], {OURS}, hot=OTHER) == ([], [Spending(name(1), OURS, -5)])
    assert effects(sent, [receipt(status="0x0")], {OURS}, hot=OTHER) == ([], [])
    assert effects(sent, [receipt()], {OURS}, hot=OURS) == ([Payment(name(1), OURS, 5)], [])


def test_what_an_address_sends_to_itself_is_both() -> None:
    paid, spent = effects(found(**{"from": text(OURS)}), [receipt()], {OURS})
    assert paid == [Payment(name(1), OURS, 5)]
    assert spent == [Spending(name(1), OURS, 5 + 42_000)]


@pytest.mark.parametrize("over", [{"transactionHash": name(2)}, {"blockHash": BELOW}])
def test_a_receipt_of_something_else_is_a_lie(over: dict[str, Any]) -> None:
    with pytest.raises(BlockInvalid):
        effects(found(), [receipt(**over)], {OURS})


@given(st.lists(st.tuples(st.integers(0, 2**256 - 1), st.booleans(), st.booleans()), max_size=8))
def test_the_sum_is_exactly_what_succeeded(drawn: list[tuple[int, bool, bool]]) -> None:
    sent = [
        transaction(number, value=hex(wei), to=text(OURS if is_ours else OTHER))
        for number, (wei, is_ours, _) in enumerate(drawn)
    ]
    ours = concerned(block(*sent), {OURS})
    receipts = [
        receipt(int(one.hash, 16), status="0x1" if drawn[int(one.hash, 16)][2] else "0x0")
        for one in ours
    ]
    paid, spent = effects(ours, receipts, {OURS})
    expected = sum(wei for wei, is_ours, succeeds in drawn if is_ours and succeeds)
    assert sum(one.wei for one in paid) == expected
    assert spent == []


@pytest.mark.parametrize(
    ("asked", "height", "prev_hash"),
    [(BELOW, 16, BELOW), (BLOCK, 17, BELOW), (BLOCK, 16, BLOCK)],
)
def test_another_header_is_refused(asked: str, height: int, prev_hash: str) -> None:
    header: Header = block()
    check_header(header, BLOCK, height=16, prev_hash=BELOW)
    with pytest.raises(BlockInvalid):
        check_header(header, asked, height=height, prev_hash=prev_hash)


@pytest.mark.parametrize(
    "value",
    ["5", "0x", "0x05", "0xG", "-0x5", "0x5 ", "5.0", 5, 5.0, None, True, hex(2**256), "0X5"],
)
def test_numbers_have_one_spelling(value: Any) -> None:
    with pytest.raises(ValidationError):
        block(transaction(value=value))


def test_the_largest_number_is_exact() -> None:
    assert block(transaction(value=hex(2**256 - 1))).transactions[0].value == 2**256 - 1
