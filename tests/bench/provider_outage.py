"""How many payers wait after an outage of the provider: `make bench-outage`.

M-Pesa deposits at a steady rate on the whole house, at the provider's real pace. For a minute the
provider takes most pushes and answers none (a part never reaches it), their callbacks are lost,
callbacks of earlier pushes meet a closed door, nothing can be asked; C2B confirmations are off.
Then the twin's book says who paid, and the ledger who is credited: after five minutes nobody who
paid may be without his money, after half an hour at most one push in a hundred may be open.

Prints a line every half minute; the last line is JSON. Ends with 1 when an aim is missed, the books
don't verify, or a push was sent twice.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from cift_local.errors import LocalStackError
from cift_shared.attempts.store import attempt_id_of
from tests.bench.faults import GENERATOR_START_S
from tests.bench.load import Plan
from tests.bench.orders import Mix
from tests.bench.parts import unsound
from tests.bench.world import World, generate, running_world
from tests.chaos.cluster.proxy import Link
from tests.support.postgres import throw_away_folder

PAYS, CANCELS, UNREACHABLE = "678", "032", "037"
ENDINGS = (PAYS, PAYS, PAYS, CANCELS, UNREACHABLE)
"""Three payers in five pay."""
NEVER_ARRIVES = 0.2
"""Share of the pushes of the outage that the provider never sees."""
BEFORE_S, OUTAGE_S, AFTER_S = 60.0, 60.0, 120.0
CREDITED_WITHIN_S, ENDED_WITHIN_S = 300.0, 1_800.0
OPEN_SHARE_MAX = 0.01
LOOK_S = 30.0
ALWAYS = 1_000_000
_LOST: Sequence[dict[str, Any]] = (
    {"operation": "daraja.stk", "kind": "drop_before", "probability": NEVER_ARRIVES},
    {"operation": "daraja.stk", "kind": "drop_after_effect"},
    {"operation": "daraja.stk", "kind": "callback_lost"},
    {"operation": "daraja.*", "kind": "drop_before"},
)
"""The oldest rule that fits a request counts."""
_IN_LIMBO = "select count(*) from mpesa.attempt where state = 'unknown' and fingerprint is null"
_STATES = """
select payment_id::text as id, status,
       created_at between to_timestamp($1) and to_timestamp($2) as asked
  from ledger.payment
"""
_OPEN = frozenset({"pending", "processing", "requires_action"})


@dataclass(frozen=True, slots=True)
class Look:
    """How it stands some time after the outage; counts are of all payments."""

    after_s: float
    paid: int
    """By the provider's book."""
    uncredited: int
    """Of those, without the money in the ledger."""
    open: int
    in_review: int
    of_the_outage: int
    """Asked for while it lasted."""
    open_of_the_outage: int


@dataclass(frozen=True, slots=True)
class Run:
    """One outage under load."""

    pushes: int
    in_limbo: int
    """Pushes at the end of the outage that nobody had heard of."""
    credited_after: Look
    ended_after: Look
    all_credited_s: float | None
    """From the end of the outage to the first look at which nobody who paid was waiting."""

    @property
    def misses(self) -> list[str]:
        """Aims that were not met."""
        late, left = self.credited_after.uncredited, self.ended_after.open_of_the_outage
        asked = self.ended_after.of_the_outage
        words = [f"{late} paid and not credited after {CREDITED_WITHIN_S:.0f} s"] if late else []
        if left > OPEN_SHARE_MAX * asked:
            words.append(f"{left} of {asked} open after {ENDED_WITHIN_S:.0f} s")
        return words


async def measure(folder: Path, rate: float) -> tuple[Run, list[str]]:
    """Plays one outage; answers what was seen and what is wrong with the books."""
    async with _closable_door() as door, running_world(folder, _env(door)) as world:
        door.target = world.stack.ports["gateway"]
        mix = Mix(key=world.key, card_share=0, endings=ENDINGS)
        plan = Plan(
            world.stack.ports["gateway"], rate, BEFORE_S + OUTAGE_S + AFTER_S, mix, insist_s=30
        )
        load = asyncio.create_task(generate(folder, plan))
        await asyncio.sleep(GENERATOR_START_S + BEFORE_S)
        began = time.time()
        await _outage(world, door)
        ended = time.time()
        in_limbo = int(await world.ask(_IN_LIMBO))
        print(f"outage over, {in_limbo} pushes in limbo", flush=True)
        looks = await _looks(world, began, ended)
        result = await load
        run = Run(
            pushes=len(result.accepted),
            in_limbo=in_limbo,
            credited_after=next(look for look in looks if look.after_s >= CREDITED_WITHIN_S),
            ended_after=looks[-1],
            all_credited_s=next((look.after_s for look in looks if not look.uncredited), None),
        )
        return run, [*await _sent_twice(world), *await unsound(world)]


@asynccontextmanager
async def _closable_door() -> AsyncIterator[Link]:
    """The provider's way to the gateway."""
    door = Link("provider>gateway")
    await door.start()
    try:
        yield door
    finally:
        await door.stop()


def _env(door: Link) -> dict[str, str]:
    """The provider's pace and ours are those of every day."""
    return {
        "MPESA_CALLBACK_URL": f"http://127.0.0.1:{door.port}/api/v1/webhooks/mpesa",
        "CIFT_SANDBOX_C2B_CONFIRMATION": "false",
    }


async def _outage(world: World, door: Link) -> None:
    async with httpx.AsyncClient(base_url=world.stack.url("provider-sandbox")) as twin:
        for rule in _LOST:
            order = {"times": ALWAYS, **rule}
            (await twin.post("/control/faults", json=order)).raise_for_status()
        door.poison("refuse")
        await asyncio.sleep(OUTAGE_S)
        door.heal()
        (await twin.delete("/control/faults")).raise_for_status()


async def _looks(world: World, began: float, ended: float) -> list[Look]:
    """A look every `LOOK_S`, the last one `ENDED_WITHIN_S` after the outage."""
    looks: list[Look] = []
    while not looks or looks[-1].after_s < ENDED_WITHIN_S:
        await asyncio.sleep(LOOK_S)
        looks.append(await _look(world, began, ended))
        print(json.dumps(asdict(looks[-1])), flush=True)
    return looks


async def _look(world: World, began: float, ended: float) -> Look:
    after_s = time.time() - ended
    async with httpx.AsyncClient(base_url=world.stack.url("provider-sandbox")) as twin:
        entries = (await twin.get("/control/book", timeout=30)).json()["entries"]
    rows = await world.rows(_STATES, began, ended)
    states = {row["id"]: row["status"] for row in rows}
    asked = {row["id"] for row in rows if row["asked"]}
    attempts = {attempt_id_of(UUID(id_)).hex: id_ for id_ in states}
    paid = {attempts[path[: len(UUID(int=0).hex)]] for path in map(_path, entries)}
    open_ids = {id_ for id_, status in states.items() if status in _OPEN}
    return Look(
        after_s=round(after_s, 1),
        paid=len(paid),
        uncredited=sum(states[id_] != "completed" for id_ in paid),
        open=len(open_ids),
        in_review=sum(status == "in_review" for status in states.values()),
        of_the_outage=len(asked),
        open_of_the_outage=len(open_ids & asked),
    )


def _path(entry: dict[str, Any]) -> str:
    """The end of the callback's address, which begins with the attempt's id."""
    return str(entry["callback_url"]).rpartition("/")[2]


async def _sent_twice(world: World) -> list[str]:
    async with httpx.AsyncClient(base_url=world.stack.url("provider-sandbox")) as twin:
        seen = (await twin.get("/control/requests", params={"at_least": 2})).json()
    twice = seen["daraja.stk"]["accepted_by_callback_url"]
    return [f"{len(twice)} pushes were sent twice"] if twice else []


def main() -> None:
    """Plays it once, says what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5, help="payments a second")
    options = parser.parse_args()
    try:
        with throw_away_folder("outage") as folder:
            run, wrong = asyncio.run(measure(folder, options.rate))
    except LocalStackError as error:
        sys.exit(f"bench: {error}")
    wrong = [*run.misses, *wrong]
    print(json.dumps({**asdict(run), "wrong": wrong}))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
