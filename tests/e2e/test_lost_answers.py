"""An outage that loses answers after their effect, through real processes, without confirmations.

Business rule: a payer who paid is credited and the payment of one who did not expires, although no
answer arrived: the provider's own records decide.
"""

import asyncio
import json
import os
import subprocess
import sys

import asyncpg
import httpx
import pytest

from cift_local.accounts import provider_book
from cift_local.stack import Options, Stack, running_stack
from tests.support.books import check_books, check_nothing_sent_twice
from tests.support.merchant_client import MerchantClient
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(300)]

PUSHES = 10
BOTH_READ = "select count(*) = 2 from mpesa.pull where covered_until is not null"
QUICK = {
    "MPESA_READ_TIMEOUT_S": "3",
    "MPESA_CONNECT_TIMEOUT_S": "2",
    "MPESA_PULL_INTERVAL_S": "60",
}


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)


async def lose_everything(stack: Stack, times: int) -> None:
    """The answers of the next pushes are lost after the effect, and their callbacks with them."""
    async with httpx.AsyncClient(base_url=stack.url("provider-sandbox")) as http:
        settings = (await http.get("/control/settings")).json()
        assert settings["c2b_confirmation"] is False
        for kind in ("drop_after_effect", "callback_lost"):
            order = {"operation": "daraja.stk", "kind": kind, "times": times}
            (await http.post("/control/faults", json=order)).raise_for_status()


async def records_are_read(stack: Stack) -> None:
    """Returns once both kinds of pulls are registered and have been read."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        async with asyncio.timeout(60):
            while not await connection.fetchval(BOTH_READ):
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def compared(stack: Stack) -> tuple[int, str]:
    """What the worker has read against our deposits: exit status and report."""
    words = ["reconcile", "mpesa", "--pulled", "--in-transit-minutes", "0", "--json"]
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cift_shared", *words],
        capture_output=True,
        env={**os.environ, **stack.env},
    )
    return done.returncode, (done.stdout + done.stderr).decode()


async def agrees(stack: Stack, deposits: int) -> None:
    """The rows that the worker has read and our deposits agree, once the newest is read."""
    async with asyncio.timeout(60):
        while (told := await compared(stack))[0] != 0:
            await asyncio.sleep(1)
    assert json.loads(told[1])["verdicts"]["matched"]["groups"] == deposits


async def test_after_an_outage_every_payer_is_credited_and_nobody_else() -> None:
    with throw_away_folder("lost-answers") as folder:
        options = Options(folder, speed=40, prefer_ports=False, service_env={"mpesa-worker": QUICK})
        async with running_stack(options) as stack:
            client = await MerchantClient.of(stack)
            first = str(await client.pay("deposit", "100.00", "254711999678", "cus_0"))
            await client.all_final([first])
            await records_are_read(stack)
            await lose_everything(stack, PUSHES)
            paid: list[str] = []
            unpaid: list[str] = []
            for number in range(PUSHES):
                pays = number % 2 == 0
                phone = f"25471200{number}{'678' if pays else '032'}"
                made = await client.pay("deposit", "100.00", phone, f"cus_{number}")
                (paid if pays else unpaid).append(str(made))
            last = str(await client.pay("deposit", "100.00", "254711998678", "cus_0"))
            payments = await client.all_final([*paid, *unpaid, last], within_s=180)
            ends = {payment["id"]: payment["status"] for payment in payments}
            assert {ends[one] for one in paid} == {"completed"}
            assert {ends[one] for one in unpaid} == {"expired"}
            receipts = {entry["receipt"] for entry in await provider_book(stack)}
            assert len(receipts) == len(paid) + 2
            told = [one["provider_reference"] for one in payments if one["id"] in paid]
            assert set(told) < receipts
            timeline = await client.get(f"/payments/{unpaid[0]}/timeline")
            assert "mpesa.push.proven_unpaid" in str(timeline)
            assert "read_until" in str(timeline)
            await agrees(stack, len(paid) + 2)
            await check_nothing_sent_twice(stack)
            await check_books(stack, [*payments, *await client.all_final([first])])
