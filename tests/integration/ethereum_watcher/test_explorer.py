"""With a key of the explorer, nothing at the shared address counts before both have the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from cift_shared.database.lease import Lease
from cift_shared.errors import LeaseLost
from ethereum_watcher.explorer import ANSWERS, CONTRADICTED, ExplorerCheck
from ethereum_watcher.explorer_client import Explorer, ExplorerUnavailable
from ethereum_watcher.explorer_rules import CONTRADICTIONS
from ethereum_watcher.explorer_store import ExplorerStore
from ethereum_watcher.terms import terms_of
from provider_sandbox.ethereum import etherscan
from provider_sandbox.ethereum.etherscan import ExplorerMode as Mode
from tests.integration.ethereum_watcher.harness import Deposit, OpenWatch, Watching
from tests.support import ethereum
from tests.support.ethereum import ETHER

pytestmark = pytest.mark.integration

KEY = "5UP3R53CR37K3Y"
SHARED = {
    "xpub": None,
    "deposit_address": ethereum.SHARED,
    "explorer_key": KEY,
    "token_list": ethereum.TOKENS,
}
UNAVAILABLE = [
    Mode.LIMITED, Mode.KEY_REFUSED, Mode.HTML, Mode.BUSY, Mode.TRUNCATED, Mode.NODE_ERROR,
    Mode.HUGE, Mode.NUMBERS,
]  # fmt: skip
LIES = [
    (Mode.UNKNOWN, "unknown_to_explorer"),
    (Mode.OTHER_BLOCK, "other_block"),
    (Mode.OTHER_RECEIVER, "other_receiver"),
    (Mode.OTHER_AMOUNT, "other_amount"),
    (Mode.FAILED, "transaction_failed"),
]


class Checked:
    """A watcher of the shared address, and the explorer that it asks."""

    def __init__(self, watch: Watching) -> None:
        self.watch = watch
        self.twin = etherscan.Explorer(watch.node.node, KEY)
        app = FastAPI()
        app.include_router(etherscan.etherscan_router(self.twin))
        self.client = Explorer(
            "http://127.0.0.1/v2/api",
            SecretStr(KEY),
            watch.config.chain_id,
            timeout_s=5,
            pace_s=0,
            transport=httpx.ASGITransport(app),
        )
        contracts = {currency: one.script for currency, one in watch.config.contracts.items()}
        store = ExplorerStore(watch.pool, terms_of(watch.config).dusts, contracts)
        self.check = ExplorerCheck(
            self.client, store, watch.deposits, watch.config.depths, watch.clock
        )
        self.lease = Lease("ethereum", "job:explorer", watch.clock)

    async def ask(self) -> None:
        """One turn of the job, when what was asked for before may be asked for again."""
        self.watch.clock.advance(timedelta(seconds=31))
        assert await self.lease.take(self.watch.pool)
        try:
            await self.check.run(self.lease)
        finally:
            await self.watch.read()

    async def fail(self) -> None:
        with pytest.raises(ExplorerUnavailable) as failed:
            await self.ask()
        assert KEY not in repr(failed.value)

    async def paid(self, wei: int = ETHER) -> tuple[Deposit, str]:
        """A deposit with a final transaction that its caller has named."""
        deposit = await self.watch.deposit()
        transaction = deposit.pay(wei)
        await self.finish(deposit, transaction)
        return deposit, transaction

    async def finish(self, deposit: Deposit, transaction: str) -> None:
        await self.watch.mined()
        await self.watch.final()
        await self.watch.verify(deposit.id, transaction)
        await deposit.reach("submitted")
        await self.watch.rest(deposit.id)

    async def doubts(self, deposit: Deposit) -> list[Any]:
        """What the timeline says of the explorer."""
        found = [step for one in await self.watch.results(deposit.id) for step in one.evidence]
        return [step.detail for step in found if step.name == "ethereum.arrival.doubted"]


@asynccontextmanager
async def checked(opened: OpenWatch, **over: Any) -> AsyncIterator[Checked]:
    async with opened(**{**SHARED, **over}) as watch:
        made = Checked(watch)
        try:
            yield made
        finally:
            await made.client.close()


def counted(answer: str) -> float:
    return ANSWERS.labels(answer)._value.get()


async def test_what_both_have_is_credited(opened: OpenWatch) -> None:
    async with checked(opened) as one:
        deposit, transaction = await one.paid()
        assert "settled" not in await deposit.kinds()
        before = counted("same")
        await one.ask()
        assert (await deposit.reach("settled")).provider_reference == transaction
        assert counted("same") == before + 1
        assert await one.doubts(deposit) == []
        asked = one.twin.asked
        await one.ask()
        assert one.twin.asked == asked


async def test_a_token_that_both_have_is_credited(opened: OpenWatch) -> None:
    async with checked(opened) as one:
        deposit = await one.watch.deposit(25_000_000, currency="USDC")
        transaction = deposit.pay_token(25_000_000)
        await one.finish(deposit, transaction)
        assert "settled" not in await deposit.kinds()
        await one.ask()
        settled = await deposit.reach("settled")
        assert settled.amount is not None
        assert (settled.amount.minor, settled.amount.currency) == (25_000_000, "USDC")


@pytest.mark.parametrize(("mode", "problem"), LIES)
async def test_a_contradiction_credits_nothing_and_is_told(
    opened: OpenWatch, mode: Mode, problem: str
) -> None:
    assert problem in CONTRADICTIONS
    async with checked(opened) as one:
        deposit, transaction = await one.paid()
        one.twin.change(mode, None)
        before = counted(problem)
        for _ in range(2):
            await one.ask()
            await one.watch.rest(deposit.id)
        assert counted(problem) == before + 2
        assert CONTRADICTED._value.get() == 1
        assert await one.doubts(deposit) == [{"arrival": transaction, "problem": problem}]
        one.watch.clock.advance(timedelta(days=2))
        await one.ask()
        await one.watch.rest(deposit.id)
        assert not {"settled", "expired", "received"} & set(await deposit.kinds())
        assert await one.watch.received() == []
        one.twin.change(Mode.NORMAL, None)
        await one.ask()
        await deposit.reach("settled")
        assert CONTRADICTED._value.get() == 0


@pytest.mark.parametrize(
    ("mode", "problem"), [one for one in LIES if one[0] is not Mode.UNKNOWN][1:3]
)
async def test_a_contradiction_about_a_token_credits_nothing(
    opened: OpenWatch, mode: Mode, problem: str
) -> None:
    async with checked(opened) as one:
        deposit = await one.watch.deposit(25_000_000, currency="USDC")
        transaction = deposit.pay_token(25_000_000)
        await one.finish(deposit, transaction)
        one.twin.change(mode, None)
        await one.ask()
        await one.watch.rest(deposit.id)
        assert "settled" not in await deposit.kinds()
        (told,) = await one.doubts(deposit)
        assert told["problem"] == problem


@pytest.mark.parametrize("mode", UNAVAILABLE)
async def test_without_an_answer_the_money_waits(opened: OpenWatch, mode: Mode) -> None:
    async with checked(opened) as one:
        deposit, transaction = await one.paid()
        one.twin.change(mode, None)
        await one.fail()
        one.watch.clock.advance(timedelta(days=2))
        await one.fail()
        await one.watch.rest(deposit.id)
        assert not {"settled", "expired"} & set(await deposit.kinds())
        assert await one.watch.received() == []
        assert await one.doubts(deposit) == [
            {"arrival": transaction, "problem": "explorer_unavailable"}
        ]
        one.twin.change(Mode.NORMAL, None)
        await one.ask()
        await deposit.reach("settled")


async def test_an_explorer_that_no_longer_answers_takes_no_contradiction_back(
    opened: OpenWatch,
) -> None:
    async with checked(opened) as one:
        deposit, transaction = await one.paid()
        one.twin.change(Mode.OTHER_AMOUNT, None)
        await one.ask()
        one.twin.change(Mode.LIMITED, None)
        await one.fail()
        one.twin.change(Mode.OTHER_AMOUNT, None)
        await one.ask()
        await one.watch.rest(deposit.id)
        assert CONTRADICTED._value.get() == 1
        assert await one.doubts(deposit) == [{"arrival": transaction, "problem": "other_amount"}]


async def test_an_explorer_that_is_behind_contradicts_nothing(opened: OpenWatch) -> None:
    async with checked(opened) as one:
        deposit, _ = await one.paid()
        one.twin.change(Mode.BEHIND, None)
        await one.ask()
        await one.watch.rest(deposit.id)
        assert "settled" not in await deposit.kinds()
        assert CONTRADICTED._value.get() == 0


async def test_it_is_asked_once_in_a_while(opened: OpenWatch) -> None:
    async with checked(opened) as one:
        await one.paid()
        one.twin.change(Mode.LIMITED, None)
        await one.fail()
        asked = one.twin.asked
        await one.check.run(one.lease)
        assert one.twin.asked == asked == 1


async def test_what_is_not_final_or_too_little_is_not_asked_for(opened: OpenWatch) -> None:
    async with checked(opened) as one:
        deposit = await one.watch.deposit()
        deposit.pay(one.watch.config.dust - 1)
        await one.watch.mined()
        await one.watch.final()
        deposit.pay(ETHER)
        await one.watch.mined()
        await one.ask()
        assert one.twin.asked == 0


async def test_money_that_nobody_has_named_is_parked_once_both_have_it(opened: OpenWatch) -> None:
    async with checked(opened) as one:
        deposit = await one.watch.deposit()
        transaction = deposit.pay(ETHER)
        await one.watch.mined()
        await one.watch.final()
        one.twin.change(Mode.OTHER_AMOUNT, None)
        await one.ask()
        one.watch.clock.advance(timedelta(days=2))
        await one.ask()
        assert await one.watch.received() == []
        one.twin.change(Mode.NORMAL, None)
        await one.ask()
        await one.ask()
        (parked,) = await one.watch.received()
        assert parked.provider_reference == transaction


async def test_in_another_block_it_is_asked_for_again(opened: OpenWatch) -> None:
    async with checked(opened, confirmations="3") as one:
        deposit = await one.watch.deposit()
        transaction = deposit.pay(ETHER)
        await one.watch.mined(3)
        await one.ask()
        await one.watch.verify(deposit.id, transaction)
        settled = await deposit.reach("settled")
        assert settled.provider_reference == transaction
        one.watch.node.reorg(3)
        await one.watch.read()
        await deposit.reach("reversed")
        one.watch.node.again(transaction)
        await one.watch.mined(3)
        assert "reinstated" not in await deposit.kinds()
        one.twin.change(Mode.OTHER_BLOCK, None)
        await one.ask()
        assert "reinstated" not in await deposit.kinds()
        one.twin.change(Mode.NORMAL, None)
        await one.ask()
        await deposit.reach("reinstated")


async def test_who_no_longer_leads_stores_nothing(opened: OpenWatch) -> None:
    async with checked(opened) as one:
        deposit, _ = await one.paid()
        assert await one.lease.take(one.watch.pool)
        await one.lease.release(one.watch.pool)
        other = Lease("ethereum", "job:explorer", one.watch.clock)
        assert await other.take(one.watch.pool)
        with pytest.raises(LeaseLost):
            await one.check.run(one.lease)
        await one.watch.rest(deposit.id)
        assert "settled" not in await deposit.kinds()
        (row,) = await one.watch.arrivals()
        assert (row["explorer_block"], row["explorer_asked_at"]) == (None, None)
