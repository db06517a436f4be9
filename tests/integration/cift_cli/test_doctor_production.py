"""`cift doctor --production`: each line on real servers, ready for real money and not."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.support.cift import cift
from tests.support.eventually import eventually
from tests.support.gateway import running_gateway
from tests.support.payments import card_order, pay
from tests.support.standby import running_with_standby

pytestmark = pytest.mark.integration

CARD = {
    "STRIPE_SECRET_KEY": "sk_live_1",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_1",
}
READY = ("production.standby", "production.archive")


async def examined(*words: str, **env: str) -> dict[str, dict[str, Any]]:
    """The findings by name."""
    said = await cift("doctor", "--production", *words, "--json", **env)
    assert said.err == "", said
    assert said.json["for_people"]
    return {finding["name"]: finding for finding in said.json["findings"]}


def grades(found: dict[str, dict[str, Any]], *names: str) -> list[str]:
    return [found[name]["grade"] for name in names]


async def test_settings_for_real_money() -> None:
    found = await examined(CIFT_MODE="live", CIFT_FEE_SCHEDULE="prices.json", **CARD)
    names = ("production.mode", "production.prices", "rails.card")
    assert grades(found, *names) == ["ok", "ok", "ok"]
    assert not any(name.startswith("rails.mpesa") for name in found)


async def test_settings_for_test_money() -> None:
    found = await examined(CIFT_MODE="test", STRIPE_SECRET_KEY="sk_test_1")
    names = ("production.mode", "production.prices", "monitoring.server")
    assert grades(found, *names) == ["fail", "warn", "warn"]


async def test_keys_of_the_wrong_mode_fail() -> None:
    found = await examined(CIFT_MODE="live", **{**CARD, "STRIPE_SECRET_KEY": "sk_test_hidden"})
    assert found["rails.card"]["grade"] == "fail"
    assert "STRIPE_SECRET_KEY" in found["rails.card"]["seen"]
    assert "hidden" not in str(found)


async def test_a_rail_with_half_of_its_settings_fails() -> None:
    found = await examined(CIFT_MODE="live", PAYPAL_CLIENT_ID="id")
    assert found["rails.paypal"]["grade"] == "fail"
    assert "PAYPAL_CLIENT_SECRET" in found["rails.paypal"]["seen"]


async def test_a_server_that_is_no_prometheus() -> None:
    found = await examined("--prometheus", "http://127.0.0.1:9")
    assert found["monitoring.server"]["grade"] == "fail"
    assert "does not answer as Prometheus does" in found["monitoring.server"]["seen"]


async def test_a_server_alone_is_not_enough(database: str) -> None:
    # Debian's PostgreSQL offers TLS, and a client takes it where it can.
    found = await examined(DATABASE_URL=f"{database}?sslmode=disable")
    names = ("production.encryption", "production.standby", "production.archive")
    assert grades(found, *names) == ["warn", "fail", "fail"]


async def test_an_archive_and_a_synchronous_standby(tmp_path: Path) -> None:
    async with running_with_standby(tmp_path, archive_mode="on") as servers:
        dsn = servers.primary.dsn()
        admin = await asyncpg.connect(dsn)
        assert grades(await examined(DATABASE_URL=dsn), *READY) == ["ok", "warn"]
        for command, counter, grade in (
            ("true", "archived_count", "ok"),
            ("false", "failed_count", "fail"),
        ):
            await admin.execute(f"alter system set archive_command = '{command}'")
            await admin.execute("select pg_reload_conf()")
            await admin.execute(f"create table {grade} (); select pg_switch_wal()")

            async def has_tried(counter: str = counter) -> bool:
                return bool(await admin.fetchval(f"select {counter} > 0 from pg_stat_archiver"))

            await eventually(has_tried, f"a {counter} of the archiver")
            assert grades(await examined(DATABASE_URL=dsn), *READY) == ["ok", grade]
        await admin.close()


async def test_a_login_that_sees_no_standby_says_so(database: str) -> None:
    admin = await asyncpg.connect(database)
    name = f"login_{datetime.now(UTC):%H%M%S%f}"
    await admin.execute(f"create role {name} login password 'x' in role cift_operator")
    try:
        address = database.partition("@")[2]
        found = await examined(DATABASE_URL=f"postgresql://{name}:x@{address}", **CARD)
    finally:
        await admin.execute(f"drop role {name}")
        await admin.close()
    assert found["production.standby"]["advice"] == "grant pg_monitor to this login"
    assert found["payments.card"]["grade"] == "warn"


@pytest.mark.parametrize("mode", ["live", "test"])
async def test_a_completed_payment_of_real_money(database: str, mode: str) -> None:
    async with running_gateway(database, mode=mode) as gateway:
        client = await gateway.client(mode=mode)
        payment = (await pay(client, card_order())).json()
        before = await examined(DATABASE_URL=database, **CARD)
        await gateway.settle(payment["id"])
        after = await examined(DATABASE_URL=database, **CARD)
    assert before["payments.card"]["grade"] == "warn"
    assert after["payments.card"]["grade"] == ("ok" if mode == "live" else "warn")
