"""docs/api.md does what it says: its commands are sent in their order, its answers compared.

What the guide shows of an answer must be in the answer; what it leaves out (`…`) may be anything.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from cift_shared.kafka import Record
from cift_shared.messaging.rail_status import RailStatus
from cift_shared.messaging.topics import RAIL_STATUSES
from gateway.payment_options.statuses import RailStatusHandler
from tests.support.gateway import RunningGateway

pytestmark = pytest.mark.integration

GUIDE = Path(__file__).parents[3] / "docs" / "api.md"
_BLOCK = re.compile(r"```(sh)?\n(.*?)```|^#()", re.DOTALL | re.MULTILINE)
"""A block of code, or a heading, which ends what belongs together."""
_PAIR = re.compile(r'"(\w+)": ("[^"…]*"|-?\d+|true|false|null)(?=[,}\]\s])')
_LITERALS = {"true": True, "false": False, "null": None}


@dataclass
class Command:
    """One curl of the guide, and what the guide shows of its answer."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    shown: str = ""


def commands() -> Iterator[Command]:
    """Every complete curl; the block that follows one is its answer."""
    last: Command | None = None
    for language, text, _ in _BLOCK.findall(GUIDE.read_text()):
        if language != "sh":
            if last:
                last.shown = text
                yield last
            last = None
            continue
        if last:
            yield last
            last = None
        for line in re.split(r"\n(?=curl|export)", text.replace("\\\n", " ")):
            if line.startswith("curl") and " … " not in line:
                if last:
                    yield last
                last = read(line)
    if last:
        yield last


def read(line: str) -> Command:
    words = iter(shlex.split(line, comments=True)[1:])
    command = Command("GET", "")
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            command.headers[name] = value
        elif word == "-d":
            command.method, command.body = "POST", next(words)
        elif word.startswith("$API"):
            command.path = word.removeprefix("$API")
    return command


def pairs(document: Any) -> set[tuple[str, Any]]:
    """Every name with a plain value, however deep."""
    found: set[tuple[str, Any]] = set()
    for name, value in document.items() if isinstance(document, dict) else ():
        found |= pairs(value) if isinstance(value, dict | list) else {(name, value)}
    for item in document if isinstance(document, list) else ():
        found |= pairs(item)
    return found


def shown_pairs(text: str) -> set[tuple[str, Any]]:
    return {
        (name, _LITERALS[value] if value in _LITERALS else json.loads(value))
        for name, value in _PAIR.findall(text)
    }


async def test_each_command_of_the_guide_works(
    gateway: RunningGateway, client: httpx.AsyncClient
) -> None:
    payment_id, sent = "", 0
    status = RailStatus(rail="mpesa", instance="w", available=True, reported_at=datetime.now(UTC))
    body = status.model_dump_json().encode()
    await gateway.parts[RailStatusHandler]([Record(RAIL_STATUSES, 0, 0, None, body)])
    for command in commands():
        if "/refunds" in command.path:
            await gateway.funded(client, "c_42", "1000.00")
        if "metadata" in command.path or "status=" in command.path:
            command.path = command.path.replace("[", "%5B").replace("]", "%5D")
        command.headers.pop("Authorization", None)
        path = command.path.replace("$ID", payment_id)
        answer = await client.request(
            command.method, path, headers=command.headers, content=command.body
        )
        assert answer.status_code < 300, (command, answer.text)
        if line := re.match(r"HTTP/1.1 (\d+)", command.shown):
            assert answer.status_code == int(line.group(1)), command
        if "event-stream" not in answer.headers["content-type"]:
            missing = shown_pairs(command.shown) - pairs(answer.json())
            assert not missing, (command, missing, answer.text)
        else:
            assert "event: payment.completed" in answer.text
        if not payment_id:
            payment_id = answer.json()["id"]
            await gateway.settle(payment_id)
        sent += 1
    assert sent >= 9


async def test_the_refusal_in_the_guide_is_what_the_gateway_answers(
    client: httpx.AsyncClient,
) -> None:
    """The problem document of the guide, to the letter of its detail."""
    text = next(block for _, block, _ in _BLOCK.findall(GUIDE.read_text()) if "#problem-" in block)
    body = json.loads(next(command.body or "" for command in commands()))
    answer = await client.post(
        "/payments", json={**body, "amount": "10.50"}, headers={"Idempotency-Key": "k"}
    )
    assert f"HTTP/1.1 {answer.status_code}" in text
    assert shown_pairs(text) <= pairs(answer.json())
