"""Addresses, transactions, blocks and policy, compared with libwally and the kernel."""

import random
from decimal import Decimal
from pathlib import Path

import pytest

from provider_sandbox.bitcoin import policy
from provider_sandbox.bitcoin.addresses import BadAddress, address_of, script_of, script_type
from provider_sandbox.bitcoin.block import (
    Draft,
    build_block,
    height_script,
    parse_block,
    subsidy,
    target_of,
    work_of,
)
from provider_sandbox.bitcoin.chain import BlockRefused, Chain
from provider_sandbox.bitcoin.faucet import SCRIPT
from provider_sandbox.bitcoin.kernel import Kernel, first_bad_input
from provider_sandbox.bitcoin.parameters import amount, coins
from provider_sandbox.bitcoin.script_text import assembler, with_checksum
from provider_sandbox.bitcoin.serial import Malformed, Reader, length_bytes
from provider_sandbox.bitcoin.transaction import Input, Output, Transaction, parse_transaction
from provider_sandbox.node_rpc.errors import RpcError
from tests.support.wally import wally

NOT_ADDRESSES = [
    "",
    "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu",  # the main chain
    "tb1q6rz28mcfaxtmd6v789l9rrlrusdprr9pqcpvkl",  # another test network
    "bcrt1q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppl",  # one letter is wrong
    "bcrt1Q6rz28mcfaxtmd6v789l9rrlrusdprr9pz3cppk",  # mixed case
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",  # the main chain
    "mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfm",  # the checksum is wrong
    "bcrt1",
    "bcrt1é",
]


def random_bytes(chance: random.Random, size: int) -> bytes:
    return chance.randbytes(size)


@pytest.mark.parametrize("version", [0, 1, 2, 16])
def test_segwit_addresses_are_those_of_libwally(version: int) -> None:
    chance = random.Random(version)
    for _ in range(50):
        size = chance.choice((20, 32)) if version == 0 else chance.choice((2, 20, 32, 40))
        script = bytes([0x50 + version if version else 0, size]) + random_bytes(chance, size)
        address = wally.addr_segwit_from_bytes(script, "bcrt", 0)
        assert address_of(script) == address
        assert script_of(address) == script_of(address.upper()) == script
        changed = list(address)
        changed[chance.randrange(5, len(changed))] = chance.choice(
            "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
        )
        if "".join(changed) != address:
            with pytest.raises(BadAddress):
                script_of("".join(changed))


def test_base58_addresses_are_those_of_libwally() -> None:
    chance = random.Random(7)
    for _ in range(50):
        hashed = random_bytes(chance, 20)
        scripts = {
            0x6F: b"\x76\xa9\x14" + hashed + b"\x88\xac",
            0xC4: b"\xa9\x14" + hashed + b"\x87",
        }
        for prefix, script in scripts.items():
            payload = bytes([prefix]) + hashed
            address = wally.base58_from_bytes(payload, wally.BASE58_FLAG_CHECKSUM)
            assert address_of(script) == address
            assert script_of(address) == script


@pytest.mark.parametrize("address", NOT_ADDRESSES)
def test_what_is_no_address_of_regtest_is_refused(address: str) -> None:
    with pytest.raises(BadAddress):
        script_of(address)


def test_the_two_checksums_of_bech32_are_not_exchanged() -> None:
    v0 = bytes([0, 20]) + bytes(20)
    v1 = bytes([0x51, 32]) + bytes(32)
    zero, one = str(address_of(v0)), str(address_of(v1))
    crossed = zero[:5] + "p" + zero[6:], one[:5] + "q" + one[6:]
    for address in crossed:
        with pytest.raises(BadAddress):
            script_of(address)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("0014" + "11" * 20, "witness_v0_keyhash"),
        ("0020" + "11" * 32, "witness_v0_scripthash"),
        ("5120" + "11" * 32, "witness_v1_taproot"),
        ("51024e73", "anchor"),
        ("5114" + "11" * 20, "witness_unknown"),
        ("0015" + "11" * 21, "nonstandard"),
        ("76a914" + "11" * 20 + "88ac", "pubkeyhash"),
        ("a914" + "11" * 20 + "87", "scripthash"),
        ("21" + "02" + "11" * 32 + "ac", "pubkey"),
        ("6a0411223344", "nulldata"),
        ("6a04112233", "nonstandard"),
        ("51", "nonstandard"),
        ("", "nonstandard"),
    ],
)
def test_types_of_scripts(script: str, kind: str) -> None:
    assert script_type(bytes.fromhex(script)) == kind


def test_the_checksum_of_descriptors() -> None:
    """The example of BIP 380."""
    assert with_checksum("raw(deadbeef)") == "raw(deadbeef)#89f8spxm"


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("", ""),
        ("0014" + "ab" * 20, "0 " + "ab" * 20),
        ("76a90187", "OP_DUP OP_HASH160 -7"),
        ("4f50605161", "-1 OP_RESERVED 16 1 OP_NOP"),
        ("ba", "OP_CHECKSIGADD"),
        ("ff", "OP_UNKNOWN"),
        ("05aabb", "[error]"),
        ("4c02aabb", "-15274"),
    ],
)
def test_assembler_text(script: str, text: str) -> None:
    assert assembler(bytes.fromhex(script)) == text


@pytest.mark.parametrize("value", [0, 1, 0xFC, 0xFD, 0xFFFF, 0x10000, 0xFFFFFFFF, 0x100000000])
def test_lengths_are_read_as_written_and_only_in_their_shortest_form(value: int) -> None:
    assert Reader(length_bytes(value)).length() == value
    if value < 0xFD:
        with pytest.raises(Malformed):
            Reader(b"\xfd" + value.to_bytes(2, "little")).length()


def test_a_transaction_has_the_ids_and_sizes_of_libwally() -> None:
    chance = random.Random(9)
    for _ in range(100):
        inputs = tuple(
            Input(
                (random_bytes(chance, 32).hex(), chance.randrange(5)),
                random_bytes(chance, chance.randrange(4)),
                chance.randrange(1 << 32),
                tuple(random_bytes(chance, size) for size in range(chance.randrange(3))),
            )
            for _ in range(chance.randrange(1, 4))
        )
        outputs = tuple(
            Output(chance.randrange(10**15), random_bytes(chance, chance.randrange(40)))
            for _ in range(chance.randrange(1, 4))
        )
        one = Transaction(inputs, outputs, 2, chance.randrange(1 << 32))
        theirs = wally.tx_from_bytes(one.raw(), wally.WALLY_TX_FLAG_USE_WITNESS)
        assert bytes(wally.tx_get_txid(theirs))[::-1].hex() == one.id
        assert wally.tx_get_weight(theirs) == one.weight
        assert wally.tx_get_vsize(theirs) == one.virtual_size
        assert parse_transaction(one.raw()) == one


@pytest.mark.parametrize(
    ("height", "script"),
    [(1, "51"), (16, "60"), (17, "0111"), (127, "017f"), (128, "028000"), (500, "02f401")],
)
def test_the_height_in_the_coinbase(height: int, script: str) -> None:
    assert height_script(height).hex() == script


def test_rewards_and_work() -> None:
    assert [subsidy(height) for height in (1, 149, 150, 300)] == [
        50 * 10**8, 50 * 10**8, 25 * 10**8, 1_250_000_000,
    ]  # fmt: skip
    assert target_of(0x1D00FFFF) == 0xFFFF << 208
    assert work_of(0x1D00FFFF) == 0x100010001
    assert work_of(0x207FFFFF) == 2


@pytest.mark.parametrize(
    ("sats", "text"),
    [(0, "0.00"), (1, "0.00000001"), (10_000_000, "0.10"), (123_450_000, "1.2345")],
)
def test_money_in_reasons(sats: int, text: str) -> None:
    assert policy.money_text(sats) == text


@pytest.mark.parametrize(
    ("script", "limit"),
    [
        ("76a914" + "11" * 20 + "88ac", 546),
        ("a914" + "11" * 20 + "87", 540),
        ("0014" + "11" * 20, 294),
        ("0020" + "11" * 32, 330),
        ("5120" + "11" * 32, 330),
        ("6a0411223344", 0),
    ],
)
def test_dust_limits(script: str, limit: int) -> None:
    assert policy.dust_limit(bytes.fromhex(script)) == limit


def test_amounts_are_exact_in_both_directions() -> None:
    for sats in (0, 1, 10_000_001, 20_000_002, 2_099_999_999_999_999):
        assert amount(coins(sats)) == sats
    assert f"{coins(1):f}" == "0.00000001"
    assert amount(Decimal("0.1")) == 10_000_000
    for bad in (Decimal("0.000000001"), -1, True, None, "x", Decimal("21000000.00000001"), "1e3"):
        with pytest.raises(RpcError):
            amount(bad)


@pytest.fixture
def chain():
    created = Chain()
    yield created
    created.close()


def draft(chain: Chain, **changes: object) -> Draft:
    tip = chain.tip
    values = {
        "previous": tip.block.hash, "height": tip.height + 1, "time": tip.block.time + 1,
        "reward_script": SCRIPT, "fees": 0, "transactions": [], "extra": 1, **changes,
    }  # fmt: skip
    return Draft(**values)


def test_the_kernel_accepts_a_block_and_the_chain_follows(chain: Chain) -> None:
    block = build_block(draft(chain))
    assert parse_block(block.raw) == block
    move = chain.add(block.raw)
    assert [one.hash for one in move.connected] == [block.hash]
    assert len(chain.coins) == 1
    with pytest.raises(BlockRefused, match=r"^duplicate$"):
        chain.add(block.raw)


def test_the_kernel_refuses_what_breaks_consensus(chain: Chain) -> None:
    greedy = build_block(draft(chain, fees=1))
    with pytest.raises(BlockRefused):
        chain.add(greedy.raw)
    assert chain.height == 0
    assert chain.is_invalid(greedy.hash)
    above = build_block(draft(chain, previous=greedy.hash, height=2))
    with pytest.raises(BlockRefused, match="bad-prevblk"):
        chain.add(above.raw)
    with pytest.raises(BlockRefused, match="prev-blk-not-found"):
        chain.add(build_block(draft(chain, previous="12" * 32)).raw)
    wrong_height = build_block(draft(chain, height=7, extra=2))
    with pytest.raises(BlockRefused):
        chain.add(wrong_height.raw)
    early = build_block(draft(chain, time=0, extra=3))
    with pytest.raises(BlockRefused):
        chain.add(early.raw)


def test_undo_brings_every_coin_back(chain: Chain) -> None:
    """Blocks that spend outputs of earlier blocks and of themselves, disconnected again."""
    for extra in range(101):
        chain.add(build_block(draft(chain, extra=extra)).raw)
    before = dict(chain.coins)
    first = chain.entries[chain.active[1]].block.transactions[0]
    spend = Transaction(
        (Input(first.outpoint(0), b"", 0xFFFFFFFF, (b"\x51",)),),
        (Output(first.outputs[0].value, SCRIPT),),
    )
    again = Transaction(
        (Input(spend.outpoint(0), b"", 0xFFFFFFFF, (b"\x51",)),),
        (Output(first.outputs[0].value - 5, SCRIPT),),
    )
    block = build_block(draft(chain, transactions=[spend, again], fees=5, extra=200))
    chain.add(block.raw)
    assert first.outpoint(0) not in chain.coins
    assert spend.outpoint(0) not in chain.coins
    assert again.outpoint(0) in chain.coins
    chain.invalidate(block.hash)
    assert chain.coins == before
    assert set(chain.by_script[SCRIPT]) == set(before)
    chain.reconsider(block.hash)
    assert again.outpoint(0) in chain.coins


def test_the_verifier_names_the_input_that_is_wrong() -> None:
    good = Input(("11" * 32, 0), b"", 0, (b"\x51",))
    bad = Input(("22" * 32, 0), b"", 0, (b"\x00",))
    spent = [Output(1_000, SCRIPT), Output(1_000, SCRIPT)]
    outputs = (Output(500, SCRIPT),)
    assert first_bad_input(Transaction((good, good), outputs), spent) is None
    assert first_bad_input(Transaction((good, bad), outputs), spent) == 1


def test_the_kernel_leaves_no_files() -> None:
    kernel = Kernel()
    folder = kernel._folder
    kernel.close()
    assert not Path(folder).exists()
