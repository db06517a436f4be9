"""`cift api-key` makes keys that work, shows them once, and takes them back."""

import asyncio
import base64

import httpx
import pytest
from click.testing import CliRunner

from gateway.auth.cli import api_key
from tests.support.gateway import running_gateway, settings_for
from tests.support.problems import problem

pytestmark = pytest.mark.integration


@pytest.fixture
def environment(database: str) -> dict[str, str]:
    settings = settings_for(database)
    return {
        "DATABASE_URL": database,
        "CIFT_DATA_KEYS": settings.data_keys.get_secret_value(),
        "CIFT_INDEX_KEY": settings.index_key.get_secret_value(),
    }


async def cift(environment: dict[str, str], *words: str) -> tuple[int, str]:
    def run() -> tuple[int, str]:
        answer = CliRunner().invoke(api_key, list(words), env=environment)
        return answer.exit_code, answer.output

    return await asyncio.to_thread(run)


async def test_life_of_a_key(
    database: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output = await cift(environment, "create", "--merchant", "m_x", "--name", "shop",
                              "--scopes", "read,payments:write")  # fmt: skip
    assert code == 0
    key = output.strip()
    assert key.startswith("cift_test_")
    key_id = key.split("_")[2]
    code, listed = await cift(environment, "list", "--merchant", "m_x")
    line = listed.splitlines()[1]
    assert line.split() == [key_id, "test", "active", "m_x", "shop", "read,payments:write"]
    assert (await cift(environment, "list", "--merchant", "m_y"))[1] == ""

    async with running_gateway(database) as gateway:
        rows = await gateway.admin.fetch(
            "select row_to_json(k)::text as row from gateway.api_key k"
        )
        assert key.split("_")[3] not in rows[0]["row"]
        monkeypatch.setattr("gateway.auth.authenticator.CACHE_S", 0.0)
        client: httpx.AsyncClient = gateway.raw_client(Authorization=f"Bearer {key}")
        assert (await client.get("/payments")).status_code == 200
        assert (await cift(environment, "revoke", key_id))[0] == 0
        problem(await client.get("/payments"), 401, "unauthenticated")
    code, output = await cift(environment, "revoke", key_id)
    assert (code, "no active key" in output) == (3, True)
    assert "revoked" in (await cift(environment, "list"))[1]


async def test_mistakes_are_told(environment: dict[str, str]) -> None:
    code, output = await cift(environment, "create", "--merchant", "m", "--name", "n",
                              "--scopes", "everything")  # fmt: skip
    assert (code, "choose from" in output) == (2, True)
    code, output = await cift(environment, "create", "--merchant", "house", "--name", "n")
    assert (code, "no merchant" in output) == (2, True)
    without = {**environment, "CIFT_INDEX_KEY": base64.b64encode(b"short").decode()}
    code, output = await cift(without, "create", "--merchant", "m", "--name", "n")
    assert (code, "CIFT_INDEX_KEY" in output) == (2, True)
    away = {**environment, "DATABASE_URL": "postgresql://x@127.0.0.1:9/none"}
    code, output = await cift(away, "list")
    assert (code, "PostgreSQL does not answer at 127.0.0.1:9/none" in output) == (4, True)
