"""Our books against the provider's own, through real processes and the provider's statement.

Business rules: what the provider moved is in our books, in suspense where nobody knows why; what
differs is told with an exit status; nothing personal of a statement rests with us.
"""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from cift_local.accounts import ledger_balances, provider_book, twin_balances
from cift_local.stack import Options, Stack, running_stack
from tests.support.merchant_client import MerchantClient, phones
from tests.support.postgres import throw_away_folder

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(180)]

NEVER_CALLS_BACK = "254711000301"
STRANGER = "254799000111"


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)


async def cift(stack: Stack, *words: str, given: bytes = b"") -> tuple[int, str]:
    """A `cift` command: its exit status and what it said."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "cift_shared", *words],
        input=given,
        capture_output=True,
        env={**os.environ, **stack.env},
    )
    return done.returncode, (done.stdout + done.stderr).decode()


async def reconciled(stack: Stack, content: bytes, *words: str) -> tuple[int, dict[str, Any]]:
    """A reconciliation of a statement: its exit status and its report."""
    status, said = await cift(
        stack, "reconcile", "mpesa", "--statement", "-", "--in-transit-minutes", "0", "--json",
        *words, given=content,
    )  # fmt: skip
    assert STRANGER not in said
    report: dict[str, Any] = json.loads(said)
    return status, report


async def statement(stack: Stack) -> bytes:
    async with httpx.AsyncClient(base_url=stack.url("provider-sandbox")) as http:
        reply = await http.get("/control/daraja/statement.csv")
    return reply.raise_for_status().content


def differing(report: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {group["name"]: (group["verdict"], group["difference"]) for group in report["differing"]}


async def stranger_pays(stack: Stack, shillings: int) -> None:
    """A payment at the provider that no command of ours asked for."""
    env, stamp = stack.env, "20261102153000"
    code = env["MPESA_BUSINESS_SHORT_CODE"]
    secret = base64.b64encode(f"{code}{env['MPESA_PASSKEY']}{stamp}".encode()).decode()
    app = (env["MPESA_CONSUMER_KEY"], env["MPESA_CONSUMER_SECRET"])
    before = len(await provider_book(stack))
    async with httpx.AsyncClient(base_url=stack.url("provider-sandbox")) as http:
        grant = {"grant_type": "client_credentials"}
        token = (await http.get("/oauth/v1/generate", params=grant, auth=app)).json()
        push = {
            "BusinessShortCode": code, "Password": secret, "Timestamp": stamp,
            "TransactionType": "CustomerPayBillOnline", "Amount": shillings, "PartyA": STRANGER,
            "PartyB": code, "PhoneNumber": STRANGER, "CallBackURL": "http://127.0.0.1:9/x",
            "AccountReference": "STRANGER", "TransactionDesc": "x",
        }  # fmt: skip
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        reply = await http.post("/mpesa/stkpush/v1/processrequest", json=push, headers=bearer)
        reply.raise_for_status()
    async with asyncio.timeout(60):
        while len(await provider_book(stack)) == before:
            await asyncio.sleep(0.2)


async def test_a_statement_finds_every_drift() -> None:
    with throw_away_folder("reconcile") as folder:
        async with running_stack(Options(folder, speed=40, prefer_ports=False)) as stack:
            client = await MerchantClient.of(stack)
            phone = phones(1)[0]
            for wanted in (
                ("deposit", "500.00", phone),
                ("deposit", "250.00", NEVER_CALLS_BACK),
                ("withdrawal", "100.00", phone),
            ):
                paid = await client.pay(*wanted, "cus_1")
                [payment] = await client.all_final([str(paid)])
                assert payment["status"] == "completed"

            payout = payment["provider_reference"]
            rows = (await statement(stack)).decode().splitlines()
            changed = "\n".join(row.replace("-100.00", "-90.00") for row in rows).encode()
            status, report = await reconciled(stack, changed, "--dry-run")
            assert (status, differing(report)) == (1, {payout: ("amount_mismatch", "10.00")})
            assert report["gaps"]
            missing = "\n".join(row for row in rows if payout not in row).encode()
            status, report = await reconciled(stack, missing, "--dry-run")
            assert (status, differing(report)) == (1, {payout: ("missing_there", "122.40")})

            status, report = await reconciled(stack, await statement(stack))
            assert (status, differing(report)) == (0, {})
            assert report["verdicts"]["matched"]["groups"] == 3

            await stranger_pays(stack, 77)
            status, report = await reconciled(stack, await statement(stack))
            [[kind, amount]] = differing(report).values()
            assert (status, kind, amount) == (1, "missing_here", "77.00")
            book = await provider_book(stack)
            assert await ledger_balances(stack) == twin_balances(book)

            close = ["reconcile", "close", "1", "--write-off", "adjustments"]
            signed = ["--reason", "a stranger", "--operator", "amina"]
            assert await cift(stack, *close, *signed) == (0, "#1 is closed\n")
            status, report = await reconciled(stack, await statement(stack))
            assert status == 0, report
            assert (await cift(stack, "verify-books"))[0] == 0
