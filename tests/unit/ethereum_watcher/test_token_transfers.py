"""Transfers of tokens in logs: exactly what a configured contract has moved to our addresses."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethereum_watcher.addresses import keccak256
from ethereum_watcher.bloom import may_have
from ethereum_watcher.domain import PLACE_STEP, free_place
from ethereum_watcher.scanner import BlockInvalid, Payment
from ethereum_watcher.token_transfers import (
    TOPIC,
    Placed,
    Transfer,
    concerned_logs,
    read_transfer,
    transfers_from,
    transfers_paid,
)
from ethereum_watcher.wire import Block, Log, Receipt

OURS, OUR_OTHER, OTHER = b"\x01" * 20, b"\x03" * 20, b"\x02" * 20
TOKEN, FAKE = b"\x0a" * 20, b"\x0b" * 20
TOKENS = {TOKEN: "USDC", b"\x0c" * 20: "USDT"}
BLOCK, BELOW = "0x" + "aa" * 32, "0x" + "bb" * 32
FULL, EMPTY = "0x" + "ff" * 256, "0x" + "00" * 256


def name(number: int) -> str:
    return f"0x{number:064x}"


def topic(account: bytes) -> str:
    return "0x" + account.hex().rjust(64, "0")


def log_fields(amount: int = 5, number: int = 0, **over: Any) -> dict[str, Any]:
    fields = {
        "address": "0x" + TOKEN.hex(),
        "topics": [TOPIC, topic(OTHER), topic(OURS)],
        "data": f"0x{amount:064x}",
        "transactionHash": name(1),
        "blockHash": BLOCK,
        "logIndex": hex(number),
    }
    return {**fields, **over}


def log(amount: int = 5, number: int = 0, **over: Any) -> Log:
    return Log.model_validate(log_fields(amount, number, **over))


def block(bloom: str = FULL) -> Block:
    sent = {"hash": name(1), "blockHash": BLOCK, "from": "0x" + OTHER.hex(), "to": None}
    return Block.model_validate(
        {"hash": BLOCK, "number": "0x10", "parentHash": BELOW, "logsBloom": bloom,
         "transactions": [{**sent, "nonce": "0x0", "value": "0x0"}]}
    )  # fmt: skip


def receipt(*logs: dict[str, Any], **over: Any) -> Receipt:
    fields = {"transactionHash": name(1), "blockHash": BLOCK, "status": "0x1", "logs": list(logs)}
    return Receipt.model_validate(
        {**fields, "gasUsed": "0x5208", "effectiveGasPrice": "0x2", **over}
    )


def found(*logs: Log, bloom: str = FULL) -> list[Log]:
    return concerned_logs(block(bloom), logs, TOKENS, {OURS, OUR_OTHER})


def test_the_event_is_the_one_of_every_token() -> None:
    assert TOPIC == "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


@given(st.integers(0, 10**38 - 1), st.binary(min_size=20, max_size=20))
def test_a_transfer_is_read_exactly(amount: int, sender: bytes) -> None:
    read = read_transfer(log(amount, topics=[TOPIC, topic(sender), topic(OURS)]))
    assert read == Transfer(sender, OURS, amount)


@pytest.mark.parametrize(
    "over",
    [
        {"topics": []},
        {"topics": [TOPIC, topic(OTHER)]},
        {"topics": [TOPIC, topic(OTHER), topic(OURS), name(1)]},
        {"topics": [name(1), topic(OTHER), topic(OURS)]},
        {"topics": [TOPIC, topic(OTHER), "0x01" + topic(OURS)[4:]]},
        {"topics": [TOPIC, "0x" + "00" * 11 + "01" + OTHER.hex(), topic(OURS)]},
        {"data": "0x"},
        {"data": "0x05"},
        {"data": f"0x{5:064x}00"},
        {"data": f"0x{10**38:064x}"},
        {"data": "0x" + "ff" * 32},
    ],
)
def test_an_odd_log_is_no_transfer(over: dict[str, Any]) -> None:
    assert read_transfer(log(**over)) is None
    assert found(log(**over)) == []


@pytest.mark.parametrize(
    ("over", "is_found"),
    [
        ({}, True),
        ({"address": "0x" + FAKE.hex()}, False),
        ({"topics": [TOPIC, topic(OTHER), topic(OTHER)]}, False),
        ({"topics": [TOPIC, topic(OURS), topic(OTHER)]}, False),
        ({"topics": [TOPIC, topic(OURS), topic(OURS)]}, False),
        ({"topics": [TOPIC, topic(OURS), topic(OUR_OTHER)]}, False),
        ({"data": f"0x{0:064x}"}, False),
        ({"data": f"0x{1:064x}"}, True),
    ],
)
def test_what_concerns_us(over: dict[str, Any], is_found: bool) -> None:
    assert bool(found(log(**over))) == is_found


@pytest.mark.parametrize(
    "over", [{"blockHash": BELOW}, {"removed": True}, {"transactionHash": name(2)}]
)
def test_a_log_of_another_block_is_a_lie(over: dict[str, Any]) -> None:
    with pytest.raises(BlockInvalid):
        found(log(**over))
    assert found(log(**over, address="0x" + FAKE.hex())) == []


def filled(*parts: bytes) -> str:
    """The filter of a block with these parts."""
    bits = 0
    for part in parts:
        digest = keccak256(part)
        for place in (0, 2, 4):
            bits |= 1 << (int.from_bytes(digest[place : place + 2]) & 2047)
    return "0x" + bits.to_bytes(256).hex()


def test_the_filter_of_the_block_must_have_the_log() -> None:
    parts = [TOKEN, *(bytes.fromhex(one[2:]) for one in log().topics)]
    assert found(log(), bloom=filled(*parts)) == [log()]
    for missing in range(len(parts)):
        rest = parts[:missing] + parts[missing + 1 :]
        with pytest.raises(BlockInvalid):
            found(log(), bloom=filled(*rest))
    with pytest.raises(BlockInvalid):
        found(log(), bloom=EMPTY)


def test_a_filter_has_what_was_put_into_it() -> None:
    bloom = bytes.fromhex(filled(b"testtest", b"hallo", b"other")[2:])
    assert may_have(bloom, b"testtest", b"hallo")
    assert may_have(bloom)
    assert not may_have(bloom, b"tes")
    assert not may_have(bytes(256), b"")


def test_each_of_the_three_bits_is_needed() -> None:
    bits = int(filled(TOKEN), 16)
    assert bits.bit_count() == 3
    for bit in range(2048):
        if bits >> bit & 1:
            assert not may_have((bits & ~(1 << bit)).to_bytes(256), TOKEN)


def test_a_payment_is_named_by_the_place_in_its_transaction() -> None:
    logs = [log_fields(5, 7, address="0x" + FAKE.hex()), log_fields(5, 8), log_fields(6, 9)]
    paid = [Log.model_validate(one) for one in logs[1:]]
    whole = receipt(*logs)
    assert transfers_paid(paid, [whole, whole], TOKENS) == [
        Payment(name(1), OURS, 5, "USDC", 1),
        Payment(name(1), OURS, 6, "USDC", 2),
    ]


def test_equal_transfers_of_one_transaction_have_two_places() -> None:
    logs = [log_fields(5, 3), log_fields(5, 4)]
    whole = receipt(*logs)
    paid = transfers_paid([Log.model_validate(one) for one in logs], [whole, whole], TOKENS)
    assert [one.place for one in paid] == [0, 1]


@pytest.mark.parametrize(
    "given",
    [
        receipt(),
        receipt(log_fields(6)),
        receipt(log_fields(number=1)),
        receipt(log_fields(), status="0x0"),
        receipt(log_fields(), transactionHash=name(2)),
        receipt(log_fields(), blockHash=BELOW),
    ],
    ids=["none", "amount", "number", "failed", "transaction", "block"],
)
def test_a_receipt_without_the_log_is_a_lie(given: Receipt) -> None:
    with pytest.raises(BlockInvalid):
        transfers_paid([log()], [given], TOKENS)


def test_each_log_has_its_receipt() -> None:
    with pytest.raises(ValueError, match="shorter"):
        transfers_paid([log(), log(number=1)], [receipt(log_fields())], TOKENS)


@given(st.lists(st.tuples(st.integers(0, 10**30), st.booleans(), st.booleans()), max_size=8))
def test_the_sum_is_exactly_what_the_token_has_moved_to_us(
    drawn: list[tuple[int, bool, bool]],
) -> None:
    fields = [
        log_fields(
            amount, number,
            address="0x" + (TOKEN if is_token else FAKE).hex(),
            topics=[TOPIC, topic(OTHER), topic(OURS if is_ours else OTHER)],
        )
        for number, (amount, is_token, is_ours) in enumerate(drawn)
    ]  # fmt: skip
    ours = found(*(Log.model_validate(one) for one in fields))
    paid = transfers_paid(ours, [receipt(*fields)] * len(ours), TOKENS)
    expected = sum(amount for amount, is_token, is_ours in drawn if is_token and is_ours)
    assert sum(one.wei for one in paid) == expected
    assert len({one.place for one in paid}) == len(paid)


def test_a_place_that_another_transfer_has_is_left_to_it() -> None:
    assert free_place(3, lambda _: True) == 3
    taken = {3, 3 + PLACE_STEP}
    assert free_place(3, lambda place: place not in taken) == 3 + 2 * PLACE_STEP
    assert PLACE_STEP == 2**20


SENT = {"topics": [TOPIC, topic(OURS), topic(OTHER)]}


class TestFromUs:
    """What a transaction of ours has moved."""

    def test_each_transfer_is_read_at_its_place(self) -> None:
        whole = receipt(log_fields(7), log_fields(5, 1, **SENT), log_fields(6, 2, **SENT))
        assert transfers_from(OURS, TOKEN, whole) == [
            Placed(1, TOKEN, OTHER, 5),
            Placed(2, TOKEN, OTHER, 6),
        ]

    @pytest.mark.parametrize(
        ("sender", "contract", "over"),
        [
            (OUR_OTHER, TOKEN, {}),
            (OURS, FAKE, {}),
            (OURS, None, {}),
            (OURS, TOKEN, {"status": "0x0"}),
        ],
        ids=["of another", "of another contract", "of no contract", "of a failed transaction"],
    )
    def test_anything_else_is_not(
        self, sender: bytes, contract: bytes | None, over: dict[str, str]
    ) -> None:
        whole = receipt(log_fields(**SENT), **over)
        assert transfers_from(sender, contract, whole) == []

    def test_a_log_that_is_no_transfer_is_not(self) -> None:
        whole = receipt(log_fields(**SENT, data="0x"))
        assert transfers_from(OURS, TOKEN, whole) == []
