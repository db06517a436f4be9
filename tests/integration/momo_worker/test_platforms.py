"""MTN moves its partners to another platform: a transaction stays on the one that took it."""

from pathlib import Path

import httpx
import pytest

from momo_method.countries import UGANDA
from tests.integration.momo_worker.harness import open_harness
from tests.support import momo
from tests.support.eventually import eventually


def former(http: httpx.AsyncClient) -> dict[str, str]:
    """The settings of the platform that took earlier payments."""
    keys = momo.credentials(UGANDA, "old")
    return {
        "former_api_base": str(http.base_url),
        **{f"former_{name}": value for name, value in keys.items()},
    }


async def test_a_payment_is_queried_and_refunded_where_it_was_taken(
    database: str, tmp_path: Path
) -> None:
    async with (
        momo.serving_twin(tmp_path / "old", salt="old") as old,
        momo.serving_twin(tmp_path / "new", salt="new", momo_platform="new") as new,
        open_harness(database, old, base=str(old.base_url), salt="old") as worker,
    ):
        await worker.control("PATCH", "/settings", {"momo_approve_s": 100})
        paid, late = momo.deposit(), momo.deposit()
        await worker.send(paid, late)
        await worker.reach(paid.payment_id, "settled")
        open_one = momo.deposit(ending="501")
        await worker.send(open_one)
        await worker.reach(open_one.payment_id, "action_required")

        await worker.restart(base=str(new.base_url), salt="new", **former(old))
        fresh = momo.deposit()
        await worker.send(fresh)
        await worker.reach(open_one.payment_id, "settled")
        await worker.reach(late.payment_id, "settled")
        await worker.reach(fresh.payment_id, "settled")
        back = momo.refund(paid, units=5_000)
        await worker.send(back)
        await worker.reach(back.payment_id, "settled")

        books = [
            [entry["kind"] for entry in (await twin.get("/control/book")).json()["entries"]]
            for twin in (old, new)
        ]
        assert books == [["collection", "collection", "collection", "refund"], ["collection"]]


async def test_without_its_credentials_a_payment_waits_and_is_not_sent_elsewhere(
    database: str, tmp_path: Path
) -> None:
    async with (
        momo.serving_twin(tmp_path / "old", salt="old") as old,
        momo.serving_twin(tmp_path / "new", salt="new", momo_platform="new") as new,
        open_harness(database, old, base=str(old.base_url), salt="old") as worker,
    ):
        await worker.fault("transfer", "drop_before", times=1_000)
        lost = momo.withdrawal()
        await worker.send(lost)
        await worker.reach(lost.payment_id, "unknown")
        await worker.restart(base=str(new.base_url), salt="new")

        async def waits() -> bool:
            await worker.make_due()
            found = await worker.results(lost.payment_id)
            codes = [step.detail.get("code") for one in found for step in one.evidence]
            return "provider_platform_unknown" in codes

        await eventually(waits, "the missing credentials")
        assert set(await worker.kinds(lost.payment_id)) == {"unknown"}
        assert (await new.get("/control/requests")).json() == {}


@pytest.mark.parametrize("platform", ["legacy", "new"])
async def test_both_platforms_serve_both_operations(
    database: str, tmp_path: Path, platform: str
) -> None:
    async with (
        momo.serving_twin(tmp_path / platform, momo_platform=platform) as twin,
        open_harness(database, twin) as worker,
    ):
        commands = [momo.deposit(), momo.withdrawal()]
        await worker.send(*commands)
        for command in commands:
            await worker.reach(command.payment_id, "settled")


async def test_mtns_sandbox_is_paid_in_euro_and_credits_the_countrys_play_money(
    database: str, tmp_path: Path
) -> None:
    """The users are made by the sandbox's own provisioning calls, with their callback host."""
    async with momo.serving_twin(tmp_path / "sandbox") as twin:
        keys = await momo.provisioned(twin)
        over = {**keys, "target_environment": "sandbox"}
        async with open_harness(database, twin, **over) as worker:
            paid, out = momo.deposit(), momo.withdrawal()
            await worker.send(paid, out)
            settled = await worker.reach(paid.payment_id, "settled")
            await worker.reach(out.payment_id, "settled")
            assert settled.amount == paid.amount
            book = (await twin.get("/control/book")).json()["entries"]
            assert {(entry["currency"], entry["amount"]) for entry in book} == {("EUR", "20000")}
            assert {entry["provider"] for entry in book} == {"momo_sandbox"}
            (balance,) = await worker.processor.get_float()
            assert balance.currency == "UGX"
