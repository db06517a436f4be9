"""`cift restored`: note that the database was restored to an earlier moment."""

from datetime import datetime

import click

from cift_shared.cli.command import command
from cift_shared.cli.errors import environment
from cift_shared.cli.moment import Moment
from cift_shared.cli.output import Output


@command("restored")
@click.option(
    "--to", type=Moment(), required=True, help="The moment that it was restored to (UTC)."
)
async def restored(to: datetime) -> Output:
    """Note that the database in DATABASE_URL was restored; run it before any service starts.

    From then on whatever may have been sent in the lost time is queried, or sent again under its
    key, and never sent blindly. Indices of wallets are moved on, so that no address is given out
    twice.
    """
    from cift_shared.database.connecting import database  # noqa: PLC0415  imports asyncpg
    from cift_shared.database.restored import note_restored  # noqa: PLC0415

    async with database(environment("DATABASE_URL")) as connection:
        noted = await note_restored(connection, to)
    lines = [f"noted: restored to {to.isoformat()}"]
    lines += [
        f"{schema}: {count} attempts may have been sent since"
        for schema, count in noted.maybe_sent.items()
        if count
    ]
    lines += [f"{name}: moved on" for name in noted.skipped]
    document = {
        "restored_to": to.isoformat(),
        "maybe_sent": noted.maybe_sent,
        "skipped": list(noted.skipped),
    }
    return Output(document, lines, [])
