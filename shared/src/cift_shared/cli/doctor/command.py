"""The command `cift doctor`: run all checks and print their findings."""

from collections.abc import AsyncIterator, Sequence

import click

from cift_shared.cli.command import command
from cift_shared.cli.doctor.database import check_database
from cift_shared.cli.doctor.finding import Finding, Grade
from cift_shared.cli.doctor.kafka import check_kafka
from cift_shared.cli.doctor.machine import check_machine, check_settings, is_live
from cift_shared.cli.doctor.production import PEOPLE, check_production
from cift_shared.cli.errors import Exit, environment
from cift_shared.cli.output import Cell, Output, Table
from cift_shared.cli.progress import progress
from cift_shared.settings import KafkaSettings, load_settings

_STYLES = {Grade.OK: "green", Grade.WARN: "yellow", Grade.FAIL: "bold red"}


@command("doctor")
@click.option("--production", is_flag=True, help="Check too what real money needs.")
@click.option(
    "--prometheus", metavar="ADDRESS", help="Of the server that watches; for --production."
)
async def doctor(production: bool, prometheus: str | None) -> Output:
    """Check settings, database, Kafka and this machine; say what to repair.

    Nothing is changed. Exits with 1 when a line fails.
    """
    with progress("checking"):
        found = [finding async for finding in examine()]
        if production:
            found += [finding async for finding in check_production(_address(found), prometheus)]
    rows: list[list[str | Cell]] = [
        [Cell(finding.grade, _STYLES[finding.grade]), finding.name, finding.seen, finding.advice]
        for finding in found
    ]
    counts = {grade: sum(finding.grade is grade for finding in found) for grade in Grade}
    summary = ", ".join(f"{count} {grade}" for grade, count in counts.items())
    return Output(
        {
            "findings": [
                {
                    "name": finding.name,
                    "grade": str(finding.grade),
                    "seen": finding.seen,
                    "advice": finding.advice or None,
                }
                for finding in found
            ],
            "counts": {str(grade): count for grade, count in counts.items()},
            **({"for_people": list(PEOPLE)} if production else {}),
        },
        [
            Table(["", "what", "seen", "what to do"], rows),
            summary,
            *(f"for people to confirm: {one}" for one in PEOPLE if production),
        ],
        [finding.name for finding in found if finding.grade is not Grade.OK],
        Exit.FINDING if counts[Grade.FAIL] else Exit.OK,
    )


def _address(found: Sequence[Finding]) -> str | None:
    """The database's address if it answers."""
    answers = any(one.name == "database.connection" and one.grade is Grade.OK for one in found)
    return environment("DATABASE_URL") if answers else None


async def examine() -> AsyncIterator[Finding]:
    """All findings; a server is queried only if its address is valid."""
    settings = list(check_settings())
    for finding in settings:
        yield finding
    usable = {finding.name for finding in settings if finding.grade is not Grade.FAIL}
    if "settings.database_url" in usable:
        async for finding in check_database(environment("DATABASE_URL")):
            yield finding
    if "settings.kafka" in usable:
        brokers = load_settings(KafkaSettings).brokers
        async for finding in check_kafka(brokers, live=is_live()):
            yield finding
    for finding in check_machine():
        yield finding
