"""`cift doctor`: each line by what it finds on real servers, good ones and bad ones."""

import secrets
from typing import Any

import asyncpg
import pytest

from cift_shared.database.migrations import schema_state
from cift_shared.kafka import create_topics
from cift_shared.messaging.topics import all_topics
from cift_shared.security.kafka import Brokers
from tests.support.cift import cift, shape
from tests.support.commands import CALLBACK_KEY, DATA_KEYS, INDEX_KEY
from tests.support.kafka import Broker

pytestmark = pytest.mark.integration

KEYS = {
    "CIFT_DATA_KEYS": DATA_KEYS,
    "CIFT_INDEX_KEY": INDEX_KEY,
    "CIFT_CALLBACK_KEY": CALLBACK_KEY,
}


async def examined(**env: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the findings by name."""
    said = await cift("doctor", "--json", **env)
    assert said.err == "", said
    return said.code, {finding["name"]: finding for finding in said.json["findings"]}


async def test_a_house_in_order(database: str, broker: Broker) -> None:
    await create_topics(Brokers(broker.bootstrap), all_topics())
    env = {**KEYS, "DATABASE_URL": database, "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap}
    code, found = await examined(**env)
    assert code == 0, found
    assert {name for name, finding in found.items() if finding["grade"] == "ok"} >= {
        "settings.database_url", "settings.kafka", "settings.mode",
        "database.connection", "database.version", "database.clock", "database.jit",
        "database.roles", "database.schema", "kafka.connection", "kafka.topics",
        "kafka.replication", "kafka.in_sync",
    }  # fmt: skip
    assert found["settings.keys"]["grade"] == "warn"  # handmade, and no real money
    assert all(finding["advice"] for finding in found.values() if finding["grade"] != "ok")
    document = (await cift("doctor", "--json", **env)).json
    assert shape(document["counts"]) == {"ok": "int", "warn": "int", "fail": "int"}


async def test_nothing_is_set() -> None:
    code, found = await examined()
    assert code == 1
    failing = {name for name, finding in found.items() if finding["grade"] == "fail"}
    assert failing == {
        "settings.database_url", "settings.kafka", "settings.keys"
    }  # fmt: skip
    assert "cift keys new" in found["settings.keys"]["advice"]


async def test_doctor_reports_servers_that_do_not_answer() -> None:
    code, found = await examined(
        **KEYS,
        DATABASE_URL="postgresql://x:hidden@127.0.0.1:9/none",
        KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9",
    )
    assert code == 1
    for name in ("database.connection", "kafka.connection"):
        assert found[name]["grade"] == "fail"
        assert "127.0.0.1:9" in found[name]["seen"]
    assert "hidden" not in str(found)


async def test_real_money_asks_for_more(database: str, broker: Broker) -> None:
    await create_topics(Brokers(broker.bootstrap), all_topics())
    code, found = await examined(
        **KEYS, CIFT_MODE="live", DATABASE_URL=database, KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap
    )
    assert code == 1
    assert found["settings.keys"]["grade"] == "fail"
    assert found["kafka.replication"]["grade"] == "fail"


FUNCTION_TABLE, WORTH = "public.cift_function", "where function_name = 'worth'"
NEWER = "insert into public.cift_migration (schema_name, file_name, sha256, needs_code_of)"


@pytest.mark.parametrize(
    ("change", "grade", "seen"),
    [
        (
            "delete from public.cift_migration where file_name like '0001%'",
            "fail",
            "the database lacks ",
        ),
        ("update public.cift_migration set sha256 = 'x'", "fail", "not what was applied"),
        (f"{NEWER} values ('ledger', '9999_x.sql', 'x', null)", "warn", "ledger/9999_x.sql"),
        (f"{NEWER} values ('ledger', '9999_x.sql', 'x', '0001')", "warn", "ledger/9999_x.sql"),
        (
            f"{NEWER} values ('ledger', '9999_x.sql', 'x', '9999')",
            "fail",
            "the database needs a newer release than this, since ledger/9999_x.sql",
        ),
        (f"{NEWER} values ('of_others', '9999_x.sql', 'x', '9999')", "ok", "are applied"),
        (
            f"delete from {FUNCTION_TABLE} {WORTH}",
            "fail",
            "the database lacks ledger.worth (revision ",
        ),
        (f"update {FUNCTION_TABLE} set digest = 'x' {WORTH}", "fail", "is not what was applied"),
        (
            f"update {FUNCTION_TABLE} set revision = 99 {WORTH}",
            "warn",
            "ledger.worth (revision 99)",
        ),
    ],
)
async def test_what_it_says_of_a_schema(database: str, change: str, grade: str, seen: str) -> None:
    """The same verdicts as `/readyz`: what keeps services from working fails, nothing else."""
    connection = await asyncpg.connect(database)
    await connection.execute(change)
    state = await schema_state(connection)
    await connection.close()
    _, found = await examined(**KEYS, DATABASE_URL=database)
    assert found["database.schema"]["grade"] == grade
    assert seen in found["database.schema"]["seen"]
    if not state.fits:
        assert grade == "fail"
        assert str(state) == found["database.schema"]["seen"]


async def test_a_database_that_was_never_migrated(pg_server: Any) -> None:
    name = await pg_server.create("cift_bare")
    try:
        code, found = await examined(**KEYS, DATABASE_URL=pg_server.address(name))
    finally:
        await pg_server.drop(name)
    assert code == 1
    assert found["database.schema"]["advice"] == "run cift migrate"


async def test_a_misspelt_setting_and_an_odd_mode() -> None:
    code, found = await examined(CIFT_INDEX_KEYS=secrets.token_hex(4), CIFT_MODE="production")
    assert code == 1
    assert "CIFT_INDEX_KEYS" in found["settings.spelling"]["seen"]
    assert found["settings.mode"]["grade"] == "fail"
