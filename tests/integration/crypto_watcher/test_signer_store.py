"""What the signer of Bitcoin reads: each condition of its statements, row by row."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from cift_shared.clock import SystemClock
from crypto_signer.policy import Input, Request, Signed, TransferRequest
from crypto_signer.store import REQUESTS_MAX, ROLE, SignerStore
from tests.support.held_funds import HeldFunds
from tests.support.rows import AT, Rows, open_role, open_rows

DAY = timedelta(hours=24)
MINUTE = timedelta(minutes=1)


def _request(payment_id: UUID) -> Request:
    return Request(
        txid="asked", payment_id=payment_id, version=1, unsigned=b"u", change_index=None, inputs=[]
    )


@dataclass
class Signing:
    rows: Rows
    store: SignerStore

    async def planned(self, txid: str, payment_id: UUID | None = None, **spend: Any) -> UUID:
        """A version of a payout's transaction."""
        name = payment_id or uuid4()
        await self.rows.put("bitcoin.spend", txid=txid, payment_id=name, **spend)
        return name

    async def moved(self, txid: str, transfer: dict[str, Any], **spend: Any) -> UUID:
        """A transfer between our own addresses."""
        name = uuid4()
        known = {"purpose": "consolidation", **transfer}
        await self.rows.put("bitcoin.own_transfer", transfer_id=name, **known)
        await self.rows.put("bitcoin.spend", txid=txid, transfer_id=name, **spend)
        return name

    async def signed(self, txid: str, *, ago: timedelta = timedelta(0), **row: Any) -> None:
        at = SystemClock().now() - ago
        known = {"payment_id": uuid4(), **row}
        if "transfer_id" in row:
            known["payment_id"] = None
        await self.rows.put("bitcoin_signer.signature", txid=txid, signed_at=at, **known)

    async def asked(self) -> list[str]:
        return [one.txid for one in await self.store.requests()]

    async def asked_transfers(self) -> list[str]:
        return [one.txid for one in await self.store.transfers()]

    async def history(self, payment_id: UUID, request_for: UUID | None = None) -> Any:
        request = _request(request_for or payment_id)
        async with self.store.pool.acquire() as connection:
            return await self.store.history(connection, payment_id, request)

    async def transfer_history(self, *references: str) -> tuple[int, bool]:
        inputs = [
            Input(txid=name[:-2], vout=int(name[-1]), satoshi=1, chain=0, index=0)
            for name in references
        ]
        request = TransferRequest(
            txid="asked", transfer_id=uuid4(), unsigned=b"u", change_index=None, inputs=inputs
        )
        async with self.store.pool.acquire() as connection:
            found = await self.store.transfer_history(connection, request)
        return found.day_count, found.are_coins_new


@pytest.fixture
async def signing(emptied_database: str) -> AsyncIterator[Signing]:
    async with open_rows(emptied_database) as rows, open_role(emptied_database, ROLE) as pool:
        yield Signing(rows, SignerStore(pool, HeldFunds("bitcoin")))


class TestPayoutsThatWait:
    async def test_one_with_its_coins_in_their_order(self, signing: Signing) -> None:
        name = await signing.planned("a", change_index=7)
        for place, txid in [(1, "second"), (0, "first")]:
            await signing.rows.put("bitcoin.spend_input", spend_txid="a", place=place, txid=txid)
        await signing.rows.put("bitcoin.spend_input", spend_txid="b", txid="other")
        [found] = await signing.store.requests()
        assert [one.txid for one in found.inputs] == ["first", "second"]
        assert (found.txid, found.payment_id, found.version, found.change_index) == (
            "a",
            name,
            1,
            7,
        )

    async def test_the_oldest_first_and_so_many_at_most(self, signing: Signing) -> None:
        for number in range(REQUESTS_MAX):
            await signing.planned(f"later-{number:02}", created_at=AT)
        await signing.planned("z-early", created_at=AT - MINUTE)
        found = await signing.asked()
        assert found == ["z-early", *(f"later-{number:02}" for number in range(REQUESTS_MAX - 1))]

    async def test_none_that_is_in_a_block_nor_another_version_of_it(
        self, signing: Signing
    ) -> None:
        name = await signing.planned("mined", height=5, block_hash="b")
        await signing.planned("replaced", name, version=2)
        await signing.planned("other")
        assert await signing.asked() == ["other"]

    async def test_none_that_is_signed_or_refused(self, signing: Signing) -> None:
        for txid in ("open", "signed", "refused"):
            await signing.planned(txid)
        await signing.signed("signed")
        await signing.rows.put("bitcoin_signer.refusal", txid="refused", payment_id=uuid4())
        assert await signing.asked() == ["open"]

    async def test_no_transfer(self, signing: Signing) -> None:
        await signing.moved("moved", {})
        assert await signing.asked() == []


class TestTransfersThatWait:
    async def test_the_oldest_first_and_so_many_at_most(self, signing: Signing) -> None:
        for number in range(REQUESTS_MAX):
            await signing.moved(f"later-{number:02}", {}, created_at=AT)
        await signing.moved("z-early", {}, created_at=AT - MINUTE)
        found = await signing.asked_transfers()
        assert found == ["z-early", *(f"later-{number:02}" for number in range(REQUESTS_MAX - 1))]

    async def test_never_a_sweep(self, signing: Signing) -> None:
        await signing.moved("swept", {"purpose": "sweep", "psbt": "p", "expires_at": AT})
        assert await signing.asked_transfers() == []

    async def test_none_that_is_released_mined_signed_or_refused(self, signing: Signing) -> None:
        await signing.moved("open", {})
        await signing.moved("released", {"released_at": AT})
        await signing.moved("mined", {}, height=5, block_hash="b")
        signed = await signing.moved("signed", {})
        refused = await signing.moved("refused", {})
        await signing.signed("another version", transfer_id=signed)
        await signing.rows.put("bitcoin_signer.refusal", txid="refused", transfer_id=refused)
        assert await signing.asked_transfers() == ["open"]

    async def test_so_many_within_a_day(self, signing: Signing) -> None:
        await signing.signed("a", transfer_id=uuid4(), ago=DAY - 5 * MINUTE)
        await signing.signed("b", transfer_id=uuid4(), ago=DAY + 5 * MINUTE)
        await signing.signed("c")
        assert await signing.transfer_history("coin:0") == (1, True)

    async def test_a_coin_that_was_signed_before(self, signing: Signing) -> None:
        await signing.signed("a", inputs=["old:0", "older:1"])
        assert await signing.transfer_history("new:0", "older:1") == (0, False)
        assert await signing.transfer_history("new:0", "old:1") == (0, True)


@pytest.mark.parametrize("state", ["ready", "sending", "waiting", "unknown"])
async def test_the_command_of_an_open_withdrawal(signing: Signing, state: str) -> None:
    await signing.rows.attempt("bitcoin", state=state, request='{"a": 2}')
    name = await signing.rows.attempt("bitcoin", state=state)
    assert await signing.store.command(name) in ('{"a": 1}', {"a": 1})


@pytest.mark.parametrize(
    "other", [{"state": "done"}, {"state": "review"}, {"operation": "deposit"}]
)
async def test_no_other_command(signing: Signing, other: dict[str, str]) -> None:
    name = await signing.rows.attempt("bitcoin", **other)
    assert await signing.store.command(name) is None


async def test_the_members_of_a_group(signing: Signing) -> None:
    group, alone = uuid4(), uuid4()
    members = sorted(uuid4() for _ in range(3))
    for name in reversed(members):
        await signing.rows.put("bitcoin.payout", payment_id=name, group_id=group)
    await signing.rows.put("bitcoin.payout", payment_id=alone, group_id=uuid4())
    assert await signing.store.members(_request(group)) == members
    assert await signing.store.members(_request(alone)) == [alone]


class TestHistory:
    async def test_signed_alone_and_in_a_group(self, signing: Signing) -> None:
        name, other = uuid4(), uuid4()
        await signing.signed("alone", payment_id=name, version=2, inputs=["coin:0"])
        await signing.signed("other", payment_id=other, inputs=["coin:1"])
        for txid, version, payment in [
            ("group", 3, name),
            ("before", 1, name),
            ("third", 4, other),
        ]:
            await signing.signed(txid, payment_id=uuid4(), version=version, inputs=[txid])
            await signing.rows.put(
                "bitcoin_signer.paid", txid=txid, payment_id=payment, script=b"\x60", satoshi=9
            )
        assert (await signing.history(name)).versions == [
            Signed(1, b"\x60", 9, frozenset(["before"])),
            Signed(2, b"\x51", 1_000, frozenset(["coin:0"])),
            Signed(3, b"\x60", 9, frozenset(["group"])),
        ]

    async def test_nothing_was_signed(self, signing: Signing) -> None:
        found = await signing.history(uuid4())
        assert (list(found.versions), found.day_satoshi) == ([], 0)

    async def test_the_day_counts_the_first_version_of_each_other_request(
        self, signing: Signing
    ) -> None:
        mine, other = uuid4(), uuid4()
        await signing.signed("a", payment_id=mine, satoshi=1)
        await signing.signed("b", payment_id=other, satoshi=10)
        await signing.signed("c", payment_id=other, version=2, satoshi=100)
        await signing.signed("d", satoshi=1_000, ago=DAY - 5 * MINUTE)
        await signing.signed("e", satoshi=10_000, ago=DAY + 5 * MINUTE)
        await signing.signed("f", transfer_id=uuid4(), satoshi=100_000)
        assert (await signing.history(uuid4(), mine)).day_satoshi == 1_010
