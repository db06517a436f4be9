"""Thousands of requests made up from our own OpenAPI document, valid ones and broken ones.

    python -m tests.hostile.schemathesis_run [--cases N] [--seed S]

A real server process over real PostgreSQL answers them. For each route the schema's edges are
walked once (phase "coverage"), then random cases follow until N are sent, then sequences of
requests that use each other's answers. A failure is told with its seed and as a curl command. The
last line is JSON; the exit status is 1 when a check has failed.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from cift_local.waiting import run_in_thread
from gateway.app import create_app
from tests.support.gateway import settings_for
from tests.support.payments import PHONE
from tests.support.postgres import running_postgres
from tests.support.served import CUSTOMER, DISPUTE, Served

CASES = 10_000
SHARES = 2
"""Processes that send, each to its share of the routes."""
ROUTES_OF_A_SHARE = 12
ROUNDS_MAX = 20
SEQUENCES = 10
CHECKS_OFF = {
    # A schema can't say what a currency moves, what a balance holds, what a quote was for.
    "positive_data_acceptance": {"enabled": False},
    # Which key opens what is the matrix of test_routes_of_others.
    "object_level_authorization": {"enabled": False},
}

# Wrong items are refused each for itself, in an answer that is 200. `GET /payments/batch` is also
# of the form `/payments/{payment_id}`: it is answered as a payment that does not exist.
BATCHES = [
    {
        "include-path": path,
        "checks": {name: {"enabled": False} for name in ("negative_data_rejection", *others)},
    }
    for path, others in (
        ("/api/v1/payments/batch", ("unsupported_method", "allow_header_conformance")),
        ("/api/v1/conversions/batch", ()),
    )
]

PRICE = {"type": "deposit", "method": "mpesa", "amount": "100.00", "currency": "KES"}
PHONE_OF = {"payment_method": {"phone": PHONE, "country": "KE"}}
GOOD: Mapping[str, Mapping[str, Any]] = {
    "POST /api/v1/payments": {**PRICE, **PHONE_OF, "customer_id": CUSTOMER},
    "POST /api/v1/payments/batch": {
        "items": [{**PRICE, **PHONE_OF, "customer_id": CUSTOMER, "idempotency_key": "item"}]
    },
    "POST /api/v1/quotes": PRICE,
    "POST /api/v1/payment-methods": {"method": "card", "customer_id": CUSTOMER},
    "POST /api/v1/payments/{payment_id}/refunds": {"amount": "1.00"},
    "POST /api/v1/customers/{customer_id}/conversions": {
        "from": {"amount": "1.00", "currency": "KES"},
        "to_currency": "USD",
    },
}
"""What no schema tells: currencies, methods and phones that fit each other."""
NEVER_GUESSED = {"return_url", "quote_id", "off_session", "phone", "country", "token"}


@dataclass
class Tally:
    """What was sent, what was answered, what failed."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Route and status class to a number."""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    """Route and check to what there is to say about the first case."""
    failed: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    @property
    def cases(self) -> int:
        """How many requests were answered."""
        return self.answers.total()

    def add(self, recorder: ScenarioRecorder) -> None:
        """Count everything one scenario has sent."""
        for case_id, interaction in recorder.interactions.items():
            route = _route(recorder, case_id)
            status = interaction.response.status_code if interaction.response else 0
            self.answers[route, f"{status // 100}xx" if status else "none"] += 1
        for case_id, checks in recorder.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    key = (_route(recorder, case_id), check.name)
                    self.failed[check.name] += 1
                    info = check.failure_info
                    self.failures.setdefault(key, f"{info.failure}\n{info.code_sample}")

    def merge(self, other: "Tally") -> None:
        """Take what another process has counted."""
        self.answers += other.answers
        self.failed += other.failed
        self.failures = {**other.failures, **self.failures}
        self.errors += other.errors

    def by_class(self) -> dict[str, int]:
        """Answers of each status class."""
        found: Counter[str] = Counter()
        for (_, status), number in self.answers.items():
            found[status] += number
        return dict(sorted(found.items()))


def _route(recorder: ScenarioRecorder, case_id: str) -> str:
    node = recorder.cases.get(case_id)
    return node.value.operation.label if node else recorder.label


def document() -> dict[str, Any]:
    """Our OpenAPI document, as the gateway answers it at /openapi.json."""
    return create_app(settings_for("postgresql://nowhere/none")).openapi()


def schema_for(served: Served, seed: int, phases: Mapping[str, Any], share: int) -> Any:
    """One share of the routes, aimed at a running server; sequences go over all of them."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "base-url": served.base_url,
            "request-timeout": 60,
            "continue-on-failure": True,
            "suppress-health-check": ["all"],
            "headers": {"Authorization": served.authorization},
            "generation": {"no-shrink": True, "database": "none"},
            "checks": CHECKS_OFF,
            "operations": BATCHES,
            "phases": dict(phases),
        }
    )
    schema = schemathesis.openapi.from_dict(document(), config=config)
    if phases["stateful"]["enabled"]:
        return schema
    labels = sorted(
        f"{verb.upper()} {path}"
        for path, operations in schema.raw_schema["paths"].items()
        for verb in operations
    )
    return schema.include(lambda context: context.operation.label in labels[share::SHARES])


def aim_at(served: Served, seed: int) -> None:
    """Aim every request of this process before it is sent."""
    dice = random.Random(seed)

    @schemathesis.hook("before_call")
    def aim(context: Any, case: Any, kwargs: Any) -> None:
        _aim(case, served, dice)


def _aim(case: Any, served: Served, dice: random.Random) -> None:
    """Let every other well-formed request mean something that exists, and none wait long."""
    known = {
        "payment_id": served.payment_id,
        "method_id": served.method_id,
        "customer_id": CUSTOMER,
        "dispute_id": DISPUTE,
    }
    label = case.operation.label
    if (
        case.method != "DELETE"
        and _well_formed(case, ParameterLocation.PATH)
        and dice.random() < 0.5
    ):
        for name in known.keys() & case.path_parameters.keys():
            case.path_parameters[name] = known[name]
    if label in GOOD and _well_formed(case, ParameterLocation.BODY) and dice.random() < 0.5:
        given = case.body if isinstance(case.body, dict) else {}
        kept = {name: value for name, value in given.items() if name not in NEVER_GUESSED}
        case.body = {**kept, **GOOD[label]}
    if label == "GET /api/v1/fees/quote" and _well_formed(case, ParameterLocation.QUERY):
        case.query = {**case.query, **(PRICE if dice.random() < 0.5 else {})}
    if _well_formed(case, ParameterLocation.HEADER) and (
        "Prefer" in case.headers or label == "POST /api/v1/payment-methods"
    ):
        case.headers["Prefer"] = "wait=0"  # there is no worker to wait for


def _well_formed(case: Any, place: ParameterLocation) -> bool:
    part = case.meta.components.get(place) if case.meta else None
    return part is not None and part.mode.is_positive


PHASES_OFF = {name: {"enabled": False} for name in ("examples", "coverage", "fuzzing", "stateful")}


def edges() -> dict[str, Any]:
    """Every boundary of the schema, once."""
    return {**PHASES_OFF, "coverage": {"enabled": True}}


def random_cases(each: int) -> dict[str, Any]:
    """So many random cases for each route."""
    return {**PHASES_OFF, "fuzzing": {"enabled": True, "generation": {"max-examples": each}}}


def sequences(number: int) -> dict[str, Any]:
    """So many sequences of requests."""
    return {**PHASES_OFF, "stateful": {"enabled": True, "generation": {"max-examples": number}}}


def run_phase(schema: Any, tally: Tally) -> None:
    """Send all cases of the schema's phases."""
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            tally.add(event.recorder)
        elif isinstance(event, events.NonFatalError):
            tally.errors.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            raise event.exception


@contextmanager
def served_apart() -> Iterator[Served]:
    """A gateway in a process of its own over a database of its own."""
    from cift_shared.database.migrations import migrate

    with running_postgres() as server:
        name = run_in_thread(server.create_template(migrate))
        command = [sys.executable, "-m", "tests.support.served", server.address(name)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            try:
                yield Served(**_first_line(process))
            finally:
                process.terminate()
                process.wait(30)
        run_in_thread(server.drop(name))


def _first_line(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """Where it serves, as it says before anything is asked of it."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(b"served "):
            found: dict[str, Any] = json.loads(line.removeprefix(b"served "))
            return found
    raise RuntimeError("the gateway has ended before it served")


def send_share(served: Served, seed: int, share: int, cases: int) -> Tally:
    """Send one process's share of the cases: the edges, random ones, and then sequences."""
    aim_at(served, seed)
    tally = Tally()
    run_phase(schema_for(served, seed, edges(), share), tally)
    for more in range(ROUNDS_MAX):
        left = cases - tally.cases
        if left <= 0:
            break
        each = max(10, left // ROUTES_OF_A_SHARE)
        run_phase(schema_for(served, seed + more, random_cases(each), share), tally)
    run_phase(schema_for(served, seed, sequences(SEQUENCES), share), tally)
    return tally


def report(tally: Tally, seed: int, cpu_s: float) -> None:
    """Every failure, the numbers of each route, and the JSON line."""
    for (route, check), told in sorted(tally.failures.items()):
        print(f"FAILED {check} at {route} (--seed {seed})\n{told}\n")
    for error in tally.errors:
        print(f"ERROR {error} (--seed {seed})\n")
    for route in sorted({route for route, _ in tally.answers}):
        numbers = {status: n for (name, status), n in tally.answers.items() if name == route}
        told = "  ".join(f"{status} {n:>5}" for status, n in sorted(numbers.items()))
        print(f"{route:<66} {told}")
    line = {
        "cases": tally.cases,
        "seed": seed,
        "answers": tally.by_class(),
        "server_errors": tally.failed["not_a_server_error"],
        "undocumented_statuses": tally.failed["status_code_conformance"],
        "failed_checks": dict(tally.failed),
        "errors": len(tally.errors),
        "cpu_s": round(cpu_s, 1),
    }
    print(json.dumps(line))


def main() -> int:
    """Run it all; 1 when something has failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=int(os.environ.get("CASES", CASES)))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    tally = Tally()
    with served_apart() as served, ProcessPoolExecutor(SHARES, get_context("spawn")) as senders:
        each = -(-options.cases // SHARES)
        shares = [
            senders.submit(send_share, served, options.seed, share, each) for share in range(SHARES)
        ]
        for sent in shares:
            tally.merge(sent.result())
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    report(tally, options.seed, sum(one.ru_utime + one.ru_stime for one in usage))
    return 1 if tally.failed or tally.errors or "none" in tally.by_class() else 0


if __name__ == "__main__":
    sys.exit(main())
