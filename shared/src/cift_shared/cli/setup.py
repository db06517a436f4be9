"""`cift migrate`, `topics` and `asyncapi`: the steps before services start."""

import asyncio
import json

import click

from cift_shared.addresses import check_database_url
from cift_shared.cli.command import command
from cift_shared.cli.errors import environment, no_client_logs
from cift_shared.cli.output import Output


@command("migrate")
def migrate() -> Output:
    """Bring every schema of the database in DATABASE_URL up to date."""
    from cift_shared.database import connecting  # noqa: PLC0415  imports asyncpg

    dsn = environment("DATABASE_URL")
    check_database_url(dsn)
    with connecting.database_errors(dsn):
        applied, newer = asyncio.run(_migrate(dsn))
    lines = [f"applied {name}" for name in applied]
    lines += [f"left alone {name}: it is of a newer release" for name in newer]
    return Output({"applied": applied, "newer": newer}, lines, applied)


async def _migrate(dsn: str) -> tuple[list[str], list[str]]:
    """Names of what was applied, and names of what the database has from a newer release."""
    from cift_shared.database import migrations, pool  # noqa: PLC0415  imports asyncpg

    applied = await migrations.migrate(dsn)
    connection = await pool.connect(dsn)
    try:
        return applied, list((await migrations.schema_state(connection)).ahead)
    finally:
        await connection.close()


@command("topics")
@click.option(
    "--replication",
    type=click.IntRange(1, 1_000),
    default=1,
    show_default=True,
    help="Copies of every topic; at most the number of brokers.",
)
def topics(replication: int) -> Output:
    """Create the topics that are missing on KAFKA_BOOTSTRAP_SERVERS."""
    from cift_shared.database import connecting  # noqa: PLC0415  imports asyncpg
    from cift_shared.kafka.admin import create_topics  # noqa: PLC0415  imports aiokafka
    from cift_shared.messaging.topics import all_topics  # noqa: PLC0415
    from cift_shared.settings import KafkaSettings, load_settings  # noqa: PLC0415

    brokers = load_settings(KafkaSettings).brokers.checked()
    with connecting.broker_errors(brokers.servers), no_client_logs():
        created = asyncio.run(create_topics(brokers, all_topics(), replication=replication))
    return Output({"created": created}, [f"created {name}" for name in created], created)


@command("asyncapi")
def asyncapi() -> None:
    """Print the AsyncAPI 3 document of every topic."""
    from cift_shared.asyncapi.document import document  # noqa: PLC0415  imports FastStream

    click.echo(json.dumps(document(), indent=2))
