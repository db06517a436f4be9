"""What the signer of Ethereum reads: each condition of its statements, row by row."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from cift_shared.clock import SystemClock
from ethereum_signer.policy import History, Request
from ethereum_signer.store import REQUESTS_MAX, ROLE, SignerStore
from ethereum_watcher.ether_transfers import Transfer
from tests.support.held_funds import HeldFunds
from tests.support.rows import Rows, open_role, open_rows

HOT, DEPOSIT, TOKEN = b"\x01" * 20, b"\x02" * 20, b"\x03" * 20
DAY = timedelta(hours=24)


@dataclass
class Signing:
    rows: Rows
    store: SignerStore

    async def planned(
        self, *, version: int = 1, payment_id: UUID | None = None, **payout: Any
    ) -> UUID:
        """A version of a transaction that the watcher has planned."""
        name = payment_id or uuid4()
        if payment_id is None:
            known = {"sender": HOT, "nonce": 5, **payout}
            await self.rows.put("ethereum.payout", payment_id=name, **known)
        await self.rows.put("ethereum.spend", payment_id=name, version=version)
        return name

    async def asked(self) -> list[tuple[UUID, int]]:
        return [(one.payment_id, one.version) for one in await self.store.requests()]

    async def signed(self, payment_id: UUID, *, ago: timedelta = timedelta(0), **row: Any) -> None:
        await self.rows.put(
            "ethereum_signer.signature", payment_id=payment_id, hash=str(uuid4()),
            signed_at=SystemClock().now() - ago, **row,
        )  # fmt: skip

    async def history(
        self, payment_id: UUID, *, nonce: int | None = 5, contract: bytes | None = None
    ) -> History:
        transfer = None
        if nonce is not None:
            transfer = Transfer(
                chain_id=1, nonce=nonce, tip=1, max_fee=2, gas=21_000, account=TOKEN, wei=1
            )
        request = Request(payment_id=payment_id, version=1, unsigned=b"u", sender=HOT)
        async with self.store.pool.acquire() as connection:
            return await self.store.history(connection, request, transfer, contract)


@pytest.fixture
async def signing(emptied_database: str) -> AsyncIterator[Signing]:
    async with open_rows(emptied_database) as rows, open_role(emptied_database, ROLE) as pool:
        yield Signing(rows, SignerStore(pool, HOT, HeldFunds("ethereum")))


class TestWhatWaits:
    async def test_a_planned_version(self, signing: Signing) -> None:
        name = await signing.planned(index=None)
        [found] = await signing.store.requests()
        assert found == Request(payment_id=name, version=1, unsigned=b"u", sender=HOT)

    async def test_of_the_account_that_pays_and_of_addresses_of_deposits_only(
        self, signing: Signing
    ) -> None:
        emptied = await signing.planned(sender=DEPOSIT, index=0)
        await signing.planned(sender=b"\x09" * 20)
        gas = await signing.planned(sender=HOT, index=1)
        assert await signing.asked() == [(gas, 1), (emptied, 1)]

    async def test_not_one_whose_nonce_was_given_back(self, signing: Signing) -> None:
        await signing.planned(nonce=None)
        assert await signing.asked() == []

    async def test_not_a_version_that_is_signed(self, signing: Signing) -> None:
        name = await signing.planned()
        await signing.planned(payment_id=name, version=2)
        await signing.signed(name, version=1)
        await signing.signed(uuid4(), version=2)
        assert await signing.asked() == [(name, 2)]

    async def test_not_a_version_that_is_refused(self, signing: Signing) -> None:
        name = await signing.planned()
        await signing.planned(payment_id=name, version=2)
        await signing.rows.put("ethereum_signer.refusal", payment_id=name, version=1)
        await signing.rows.put("ethereum_signer.refusal", payment_id=uuid4(), version=2)
        assert await signing.asked() == [(name, 2)]

    async def test_not_one_whose_nonce_a_block_has(self, signing: Signing) -> None:
        name = await signing.planned(nonce=5)
        await signing.rows.put("ethereum.hot_transaction", hash="other", sender=DEPOSIT, nonce=5)
        await signing.rows.put("ethereum.hot_transaction", hash="before", sender=HOT, nonce=4)
        assert await signing.asked() == [(name, 1)]
        await signing.rows.put("ethereum.hot_transaction", hash="mined", sender=HOT, nonce=5)
        assert await signing.asked() == []

    async def test_replacements_first_then_in_the_order_of_nonces(self, signing: Signing) -> None:
        from_deposit = await signing.planned(sender=DEPOSIT, index=0, nonce=0)
        await signing.planned(payment_id=from_deposit, version=2)
        ninth, third = await signing.planned(nonce=9), await signing.planned(nonce=3)
        for version in (3, 2):
            await signing.planned(payment_id=ninth, version=version)
        await signing.planned(payment_id=third, version=2)
        assert await signing.asked() == [
            (third, 2), (ninth, 2), (ninth, 3), (third, 1), (ninth, 1),
            (from_deposit, 2), (from_deposit, 1),
        ]  # fmt: skip

    async def test_so_many_at_most(self, signing: Signing) -> None:
        for nonce in range(REQUESTS_MAX + 1):
            await signing.planned(nonce=nonce)
        assert len(await signing.asked()) == REQUESTS_MAX


@pytest.mark.parametrize("state", ["ready", "sending", "waiting", "unknown"])
async def test_the_command_of_an_open_withdrawal(signing: Signing, state: str) -> None:
    await signing.rows.attempt("ethereum", state=state, request='{"a": 2}')
    name = await signing.rows.attempt("ethereum", state=state)
    assert await signing.store.command(name) in ('{"a": 1}', {"a": 1})


@pytest.mark.parametrize(
    "other", [{"state": "done"}, {"state": "review"}, {"operation": "deposit"}]
)
async def test_no_other_command(signing: Signing, other: dict[str, str]) -> None:
    name = await signing.rows.attempt("ethereum", **other)
    assert await signing.store.command(name) is None


class TestHistory:
    async def test_the_versions_of_the_payment_in_their_order(self, signing: Signing) -> None:
        name = uuid4()
        for version in (2, 1):
            await signing.signed(name, version=version)
        await signing.signed(uuid4())
        assert [one.version for one in (await signing.history(name)).versions] == [1, 2]

    async def test_nonces(self, signing: Signing) -> None:
        mine, other, stranger = uuid4(), uuid4(), uuid4()
        put = signing.rows.put
        await put("ethereum_signer.nonce", sender=HOT, nonce=5, payment_id=mine)
        await put("ethereum_signer.nonce", sender=HOT, nonce=6, payment_id=other)
        await put("ethereum_signer.nonce", sender=DEPOSIT, nonce=8, payment_id=stranger)
        found = await signing.history(mine, nonce=6)
        assert (found.sender, found.nonce, found.nonce_owner, found.nonce_max) == (
            HOT, 5, other, 6,
        )  # fmt: skip
        assert (await signing.history(mine, nonce=8)).nonce_owner is None
        assert (await signing.history(mine, nonce=None)).nonce_owner is None

    async def test_before_the_first_nonce(self, signing: Signing) -> None:
        found = await signing.history(uuid4())
        assert (found.sender, found.nonce, found.nonce_owner, found.nonce_max) == (
            None, None, None, -1,
        )  # fmt: skip
        assert (found.day_wei, list(found.versions)) == (0, [])

    async def test_the_day_counts_the_first_version_of_each_other_payment(
        self, signing: Signing
    ) -> None:
        mine, other = uuid4(), uuid4()
        await signing.signed(mine, wei=1)
        await signing.signed(other, wei=10)
        await signing.signed(other, version=2, wei=100)
        await signing.signed(uuid4(), wei=1_000, ago=DAY - timedelta(minutes=5))
        await signing.signed(uuid4(), wei=10_000, ago=DAY + timedelta(minutes=5))
        assert (await signing.history(mine)).day_wei == 1_010

    async def test_the_day_of_each_currency(self, signing: Signing) -> None:
        await signing.signed(uuid4(), wei=1)
        await signing.signed(uuid4(), wei=10, contract=TOKEN)
        await signing.signed(uuid4(), wei=100, contract=b"\x04" * 20)
        assert (await signing.history(uuid4())).day_wei == 1
        assert (await signing.history(uuid4(), contract=TOKEN)).day_wei == 10

    async def test_a_consolidation_counts_what_it_can_cost_in_ether(self, signing: Signing) -> None:
        purpose = {"purpose": "consolidation"}
        await signing.signed(uuid4(), wei=10, fee_max=3, **purpose)
        await signing.signed(uuid4(), wei=100, fee_max=4, contract=TOKEN, **purpose)
        await signing.signed(uuid4(), wei=1_000, fee_max=50, purpose="gas")
        assert (await signing.history(uuid4())).day_wei == 1_007
        assert (await signing.history(uuid4(), contract=TOKEN)).day_wei == 0
