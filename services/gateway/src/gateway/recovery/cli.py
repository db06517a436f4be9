"""`cift recover`: list the payments that a restored database has forgotten, accept them again."""

from datetime import datetime
from typing import Any

import asyncpg
import click
from pydantic import Field, SecretStr

from cift_shared.cli import Exit, Moment, Output, Refused, Table, command
from cift_shared.cli.errors import no_client_logs
from cift_shared.clock import SystemClock
from cift_shared.database.connecting import broker_errors, database_errors
from cift_shared.database.pool import Pool, close_pool, open_pool
from cift_shared.settings import KafkaSettings, VaultSettings, load_settings
from gateway.recovery.service import (
    MARGIN,
    Forgotten,
    accept_again,
    find_forgotten,
    replay,
    restored_to,
)

_ROLE = "cift_gateway"


class RecoverSettings(KafkaSettings, VaultSettings):
    """The settings that the command reads from the environment: those of the gateway."""

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")


@command("recover")
@click.option("--since", type=Moment(), help="Read Kafka from this moment; default: 10 minutes "
              "before the moment that `cift restored` noted.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Accept them again; without it, only list them.")
async def recover(since: datetime | None, yes: bool) -> Output:
    """List the payments of the lost time, which a restored database has forgotten.

    With --yes they are accepted again with their ids, amounts and idempotency keys, and messages
    that were handled in the lost time are published again. Exits with 1 while a payment is left.
    """
    settings = load_settings(RecoverSettings)
    brokers, dsn = settings.brokers.checked(), settings.database_url.get_secret_value()
    pool = await open_pool(dsn, role=_ROLE, size_max=2)
    try:
        with database_errors(dsn, role=_ROLE), broker_errors(brokers.servers), no_client_logs():
            until = await restored_to(pool)
            if until is None:
                raise Refused("no restore is noted: run `cift restored --to ...` first")
            begin = since or until - MARGIN
            forgotten = await find_forgotten(pool, brokers, settings.vault(), begin)
            outcomes = await _accept(pool, forgotten) if yes else ["forgotten"] * len(forgotten)
            replayed = await replay(brokers, begin, until) if yes else 0
    finally:
        await close_pool(pool)
    return _output(forgotten, outcomes, replayed, yes=yes)


async def _accept(pool: "Pool[asyncpg.Record]", forgotten: list[Forgotten]) -> list[str]:
    now = SystemClock().now()
    return [await accept_again(pool, one, now=now) for one in forgotten]


def _output(forgotten: list[Forgotten], outcomes: list[str], replayed: int, *, yes: bool) -> Output:
    facts = [_facts(one, outcome) for one, outcome in zip(forgotten, outcomes, strict=True)]
    left = [fact for fact in facts if fact["outcome"] != "accepted"]
    headings = ["payment", "accepted at", "type", "rail", "amount", "merchant", "outcome"]
    rows = [
        [fact["payment_id"], fact["accepted_at"], fact["type"], fact["rail"],
         f"{fact['amount']} {fact['currency']}", fact["merchant_id"], fact["outcome"]]
        for fact in facts
    ]  # fmt: skip
    done = f"{replayed} records published again" if yes else "nothing was changed: --yes does it"
    return Output(
        {"payments": facts, "left": len(left), "replayed": replayed},
        [Table(headings, rows), f"{len(facts)} forgotten, {len(left)} left; {done}"],
        [fact["payment_id"] for fact in facts],
        exit_code=Exit.FINDING if left else Exit.OK,
    )


def _facts(one: Forgotten, outcome: str) -> dict[str, Any]:
    request = one.request
    return {
        "payment_id": str(request.payment_id),
        "accepted_at": request.accepted_at.isoformat(timespec="milliseconds"),
        "type": one.operation,
        "rail": request.carried_by,
        "amount": request.amount.text,
        "currency": request.amount.currency,
        "merchant_id": request.merchant_id,
        "outcome": outcome,
    }
