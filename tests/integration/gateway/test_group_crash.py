"""A gateway that dies while it decides groups leaves each request whole or absent."""

from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.hostile.test_sockets import running
from tests.support.payments import order

pytestmark = [pytest.mark.integration, pytest.mark.servers]

COUNT = 120
_STATE = """
select (select count(*) from gateway.idempotency_key),
       (select count(*) from gateway.outbox),
       (select count(*) from ledger.payment),
       (select count(*) from ledger.payment_event),
       (select count(*) from ledger.unfinished),
       (select count(*) from ledger.payment p
          join gateway.idempotency_key k on k.resource_id = p.payment_id
          join gateway.outbox o on o.key = p.payment_id::text)
"""


@pytest.mark.parametrize(
    ("place", "groups"),
    [("before_commit", 1), ("before_commit", 2), ("after_commit", 1), ("after_commit", 2)],
)
@pytest.mark.timeout(120)
async def test_a_gateway_killed_in_a_batch_leaves_every_item_whole_or_absent(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, groups: int
) -> None:
    armed = tmp_path / "failpoint"
    monkeypatch.setenv("CIFT_FAILPOINT_FILE", str(armed))
    batch = {"items": [order(idempotency_key=uuid4().hex) for _ in range(COUNT)]}
    async with running(database, tmp_path) as process, await process.client() as client:
        armed.write_text(f"gateway.{place}:{groups}")
        with pytest.raises(httpx.TransportError):
            await client.post("/payments/batch", json=batch)
        key = client.headers["Authorization"]
    connection = await asyncpg.connect(database)
    try:
        row = await connection.fetchrow(_STATE)
        assert row is not None
        *counts, whole = row
        assert set(counts) == {whole}
        assert (whole > 0) == (place == "after_commit" or groups > 1)
        assert whole < COUNT
        async with running(database, tmp_path) as process:
            headers = {"Authorization": key}
            address = f"http://127.0.0.1:{process.port}/api/v1/payments/batch"
            async with httpx.AsyncClient(headers=headers, timeout=60) as client:
                answers = (await client.post(address, json=batch)).json()["items"]
        assert [answer["status"] for answer in answers] == [202] * COUNT
        assert sum(answer["replayed"] for answer in answers) == whole
        assert len({answer["body"]["id"] for answer in answers}) == COUNT
        assert set(await connection.fetchrow(_STATE) or ()) == {COUNT}
    finally:
        await connection.close()
