"""The `cift` command: set-up steps here, sub-commands of services by entry point."""

import asyncio
import json
import os
from importlib.metadata import entry_points

import click

from cift_shared.errors import CiftError
from cift_shared.kafka import create_topics
from cift_shared.migrations import migrate
from cift_shared.topics import all_topics


class ServiceCommands(click.Group):
    """A group that also holds what installed services bring (entry points `cift.commands`)."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, ours and theirs."""
        theirs = [point.name for point in entry_points(group="cift.commands")]
        return sorted([*super().list_commands(ctx), *theirs])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        for point in entry_points(group="cift.commands"):
            if point.name == cmd_name:
                loaded: click.Command = point.load()
                return loaded
        return None

    def invoke(self, ctx: click.Context) -> object:
        """Run, and tell our own errors in one line instead of a stack trace."""
        try:
            result: object = super().invoke(ctx)
        except CiftError as error:
            raise click.ClickException(str(error)) from error
        return result


@click.group(cls=ServiceCommands)
def main() -> None:
    """CIFT Payments: set-up and operations."""


def environment(name: str) -> str:
    """An environment variable that a command needs.

    Raises:
        ClickException: it is not set.
    """
    value = os.environ.get(name)
    if not value:
        raise click.ClickException(f"{name} is not set")
    return value


@main.command("migrate")
def migrate_command() -> None:
    """Bring every schema of the database in DATABASE_URL up to date."""
    for name in asyncio.run(migrate(environment("DATABASE_URL"))):
        click.echo(f"applied {name}")


@main.command("topics")
@click.option("--replication", default=1, show_default=True, help="Copies of every topic.")
def topics_command(replication: int) -> None:
    """Create the topics that are missing on KAFKA_BOOTSTRAP_SERVERS."""
    servers = environment("KAFKA_BOOTSTRAP_SERVERS")
    topics = all_topics()
    for name in asyncio.run(create_topics(servers, topics, replication=replication)):
        click.echo(f"created {name}")


@main.command("asyncapi")
def asyncapi_command() -> None:
    """Print the AsyncAPI 3 document of every topic."""
    from cift_shared.asyncapi import document  # noqa: PLC0415  imports FastStream

    click.echo(json.dumps(document(), indent=2))
