"""Headers, proof of work and Merkle roots, against real blocks of the main network."""

import pytest

from bitcoin_watcher.blocks import (
    BlockInvalid,
    Header,
    check_work,
    merkle_root,
    read_header,
    target_of,
    work_of,
)
from bitcoin_watcher.client import GENESIS
from bitcoin_watcher.scanner import scan_block, txids_of
from tests.support.bitcoin_chain import BITS, FOREIGN, Tx, block

GENESIS_BLOCK = bytes.fromhex(
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e"
    "67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c01010000000100000000000000000000"
    "00000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f"
    "4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f75742066"
    "6f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a6"
    "7962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
)
"""The first block of the main network."""


def test_the_first_block_has_its_known_hash_root_and_reward() -> None:
    header = read_header(GENESIS_BLOCK)
    assert header.hash == GENESIS["main"]
    check_work(header, "main")
    assert merkle_root(txids_of(GENESIS_BLOCK)) == header.merkle_root
    script = GENESIS_BLOCK[-71:-4]
    (hit,) = scan_block(GENESIS_BLOCK, {script})
    assert (hit.satoshi, hit.is_coinbase, hit.vout) == (50 * 10**8, True, 0)
    assert hit.txid == header.merkle_root


def test_the_target_of_the_first_block_is_two_to_the_224() -> None:
    assert target_of(0x1D00FFFF) == 0xFFFF << 208
    assert work_of(0x1D00FFFF) == 2**256 // ((0xFFFF << 208) + 1)
    assert target_of(0x03123456) == 0x123456
    assert target_of(0x02123456) == 0x1234


@pytest.mark.parametrize("bits", [0, 0x1D800001, 0x03800000])
def test_zero_and_negative_targets_are_refused(bits: int) -> None:
    with pytest.raises(BlockInvalid):
        target_of(bits)


def test_a_hash_above_the_target_or_an_easier_target_is_no_work() -> None:
    name, raw = block("00" * 32, [])
    header = read_header(raw)
    check_work(header, "regtest")
    with pytest.raises(BlockInvalid):
        check_work(header, "main")  # easier than the main network ever asks for
    with pytest.raises(BlockInvalid):
        check_work(Header("ff" * 32, name, "", BITS), "regtest")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 12])
def test_a_block_of_any_size_has_the_root_of_its_header(count: int) -> None:
    _, raw = block("00" * 32, [Tx((FOREIGN, 5)) for _ in range(count)])
    assert merkle_root(txids_of(raw)) == read_header(raw).merkle_root


def test_a_short_header_and_an_empty_tree_are_refused() -> None:
    with pytest.raises(BlockInvalid):
        read_header(b"\0" * 79)
    with pytest.raises(BlockInvalid):
        merkle_root([])


def test_a_header_is_its_first_80_bytes_and_names_the_block_before() -> None:
    before = bytes(range(32)).hex()
    name, raw = block(before, [])
    header = read_header(raw[:80])
    assert header == read_header(raw)
    assert (header.hash, header.prev_hash, header.bits) == (name, before, BITS)


@pytest.mark.parametrize(
    ("network", "easiest", "easier"),
    [
        ("main", 0x1D00FFFF, 0x1D010000),
        ("test", 0x1D00FFFF, 0x1D010000),
        ("testnet4", 0x1D00FFFF, 0x1D010000),
        ("signet", 0x1E0377AE, 0x1E0377AF),
        ("regtest", 0x207FFFFF, 0x21008000),
    ],
)
def test_a_target_easier_than_any_of_the_network_is_refused(
    network: str, easiest: int, easier: int
) -> None:
    check_work(Header("00" * 32, "", "", easiest), network)
    with pytest.raises(BlockInvalid):
        check_work(Header("00" * 32, "", "", easier), network)


def test_a_hash_may_equal_its_target() -> None:
    target = target_of(BITS)
    check_work(Header(f"{target:064x}", "", "", BITS), "regtest")
    with pytest.raises(BlockInvalid):
        check_work(Header(f"{target + 1:064x}", "", "", BITS), "regtest")


@pytest.mark.parametrize(("bits", "hashes"), [(0x01010000, 2**255), (0x207FFFFF, 2)])
def test_the_work_of_a_block_is_the_expected_number_of_hashes(bits: int, hashes: int) -> None:
    assert work_of(bits) == hashes
