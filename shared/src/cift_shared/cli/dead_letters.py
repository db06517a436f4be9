"""`cift dead-letters`: show records that could not be handled, and publish one again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from cift_shared.cli.command import command
from cift_shared.cli.errors import Refused, no_client_logs
from cift_shared.cli.lazy import Lazy, LazyGroup
from cift_shared.cli.output import Cell, Output, Table
from cift_shared.clock import SystemClock
from cift_shared.database.connecting import broker_errors
from cift_shared.kafka.letters import Letter, Position, read_letter, read_letters, replay
from cift_shared.observability.log import mask
from cift_shared.security.kafka import Brokers
from cift_shared.settings import KafkaSettings, load_settings

_BODY_CHARS_MAX = 4_000
_HEADER_CHARS_MAX = 300

_INDEX = (
    Lazy("list", "cift_shared.cli.dead_letters:list_letters", "List dead letters."),
    Lazy("replay", "cift_shared.cli.dead_letters:replay_letter", "Publish one to its topic again."),
    Lazy("show", "cift_shared.cli.dead_letters:show", "Show the headers of one, and its body."),
)


@click.group("dead-letters", cls=LazyGroup, index=lambda: _INDEX)
def dead_letters() -> None:
    """Records that could not be handled: <topic>.dead-letter on KAFKA_BOOTSTRAP_SERVERS."""


class _PositionType(click.ParamType[Position]):
    name = "letter"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Position:
        """Parse the id of a letter."""
        if isinstance(value, Position):
            return value
        try:
            return Position.from_text(value)
        except ValueError:
            self.fail(f"{value!r} is not like payments.results.dead-letter:0:12", param, ctx)


_LETTER = click.argument("letter", type=_PositionType(), metavar="LETTER")


@command("list")
@click.option("--topic", "topics", multiple=True, help="Only of this topic, like payments.results.")
@click.option("--newest", type=click.IntRange(1, 100_000), default=100, show_default=True,
              help="Records to read from the end of each partition.")  # fmt: skip
@click.option("--open", "only_open", is_flag=True, help="Only those that were not replayed.")
async def list_letters(topics: tuple[str, ...], newest: int, only_open: bool) -> Output:
    """List dead letters, the oldest first."""
    with _kafka() as brokers:
        found = await read_letters(brokers, topics=topics, newest=newest)
    letters = [one for one in found if not (only_open and one.replayed_at)]
    headings = ["letter", "at", "reason", "key", "bytes", "attempt", "replayed"]
    rows: list[list[str | Cell]] = [
        [str(letter.position), letter.at.isoformat(timespec="seconds"),
         Cell(_header(letter, "x-dlq-reason"), "" if letter.replayed_at else "yellow"),
         _key(letter), str(len(letter.body)), _header(letter, "x-attempt"),
         letter.replayed_at or "-"]
        for letter in letters
    ]  # fmt: skip
    return Output(
        [_facts(letter) for letter in letters],
        [Table(headings, rows, numbers=(4, 5)), f"{len(letters)} dead letters"],
        [str(letter.position) for letter in letters],
    )


@command("show")
@_LETTER
@click.option("--body", "with_body", is_flag=True, help="Also the body, with personal data masked.")
async def show(letter: Position, with_body: bool) -> Output:
    """Show one dead letter."""
    with _kafka() as brokers:
        found = await read_letter(brokers, letter)
    document = _facts(found) | {"headers": _headers(found)}
    parts: list[str | Table] = [_described(found), Table(["header", "value"], _header_rows(found))]
    if with_body:
        document["body"] = _body(found)
        parts.append(document["body"])
    return Output(document, parts, [str(found.position)])


@command("replay")
@_LETTER
@click.option(
    "--yes", is_flag=True, help="Publish; without this option, only show what would be done."
)
@click.option("--again", is_flag=True, help="Even though it was replayed before.")
async def replay_letter(letter: Position, yes: bool, again: bool) -> Output:
    """Publish one dead letter to its topic again, with its key and headers.

    Fix the cause first. Handlers deduplicate by message id, so a record that was handled meanwhile
    changes nothing. The letter stays and is marked as replayed.
    """
    with _kafka() as brokers:
        found = await read_letter(brokers, letter)
        if found.replayed_at and not again:
            raise Refused(
                f"{found.position} was replayed at {found.replayed_at}; --again repeats it"
            )
        sent = await replay(brokers, found, at=SystemClock().now()) if yes else None
    document = {
        "letter": str(found.position),
        "topic": found.topic,
        "key": _key(found),
        "replayed": yes,
        "published_at": str(sent) if sent else None,
    }
    result = f"published as {sent}" if sent else "nothing was published: --yes does it"
    to = f"{found.position} -> {found.topic}, key {_key(found) or '-'}, {len(found.body)} bytes"
    return Output(document, [to, result], [str(found.position)])


@contextmanager
def _kafka() -> Iterator[Brokers]:
    """The brokers; a Kafka error inside the block is printed as one line."""
    brokers = load_settings(KafkaSettings).brokers.checked()
    with broker_errors(brokers.servers), no_client_logs():
        yield brokers


def _facts(letter: Letter) -> dict[str, Any]:
    headers = letter.headers
    origin = letter.origin
    return {
        "letter": str(letter.position),
        "topic": letter.topic,
        "at": letter.at.isoformat(),
        "key": _key(letter),
        "reason": headers.get("x-dlq-reason"),
        "error": mask(headers["x-dlq-error"]) if "x-dlq-error" in headers else None,
        "origin": str(origin) if origin else None,
        "consumer_group": headers.get("x-consumer-group"),
        "attempt": headers.get("x-attempt"),
        "body_bytes": len(letter.body),
        "replayed_at": letter.replayed_at,
    }


def _described(letter: Letter) -> str:
    facts = _facts(letter)
    replayed = f"replayed at {letter.replayed_at}" if letter.replayed_at else "not replayed"
    return (
        f"{facts['letter']}  {facts['reason']}  key {facts['key'] or '-'}  "
        f"{facts['body_bytes']} bytes  {replayed}\n{facts['error'] or ''}"
    ).rstrip()


def _key(letter: Letter) -> str:
    return mask((letter.key or b"").decode(errors="replace"))


def _header(letter: Letter, name: str) -> str:
    return letter.headers.get(name, "")


def _headers(letter: Letter) -> dict[str, str]:
    return {name: mask(value[:_HEADER_CHARS_MAX]) for name, value in letter.headers.items()}


def _header_rows(letter: Letter) -> list[list[str]]:
    return [[name, value] for name, value in _headers(letter).items()]


def _body(letter: Letter) -> str:
    """The body as masked text, indented if it is JSON; an untrusted record may contain anything."""
    text = letter.body.decode(errors="replace")
    try:
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        text = ascii(text)[1:-1]
    return mask(text[:_BODY_CHARS_MAX])
