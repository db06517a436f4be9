"""Anybody with a key can see, and keep, the head of the books' chain."""

import hashlib
from datetime import UTC, datetime

import httpx
import pytest

from tests.support.gateway import RunningGateway
from tests.support.problems import problem

pytestmark = pytest.mark.integration

GENESIS = hashlib.sha256(b"cift.ledger.chain.v1").hexdigest()


async def test_before_the_first_block_it_is_the_genesis(client: httpx.AsyncClient) -> None:
    assert (await client.get("/ledger/head")).json() == {
        "hash": GENESIS,
        "transactions": 0,
        "last_transaction_id": None,
        "sealed_at": None,
        "block": 0,
    }


async def test_it_moves_with_each_block(gateway: RunningGateway, client: httpx.AsyncClient) -> None:
    seen = {GENESIS}
    for block in (1, 2):
        await gateway.funded(client, "c_1", "100.00")
        assert await gateway.admin.fetchval("select ledger.seal($1, null, 100)", 2**62) == 1
        head = (await client.get("/ledger/head")).json()
        tx_id = await gateway.admin.fetchval("select max(tx_id)::text from ledger.ledger_tx")
        assert (head["block"], head["transactions"]) == (block, block)
        assert head["last_transaction_id"] == tx_id
        assert datetime.fromisoformat(head["sealed_at"]) <= datetime.now(UTC)
        assert len(head["hash"]) == 64
        assert head["hash"] not in seen
        seen.add(head["hash"])


async def test_it_takes_a_key_that_may_read(gateway: RunningGateway) -> None:
    blind = await gateway.client(scopes=["payments"])
    problem(await blind.get("/ledger/head"), 403, "scope_missing")
