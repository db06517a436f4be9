"""What a seed means: payments, faults, and when they end."""

from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal
from uuid import UUID

PROCESSES = ("gateway", "ledger", "mpesa-0", "mpesa-1", "card-0", "card-1")
Kind = Literal["mpesa_deposit", "mpesa_withdrawal", "card_deposit"]


@dataclass(frozen=True, slots=True)
class Wish:
    """A payment that a customer asks for."""

    at_s: float
    payment_id: UUID
    kind: Kind
    minor: int
    card: str
    cancel_after_s: float | None
    verify_after_s: float | None
    """When the customer has the provider queried."""
    verify_reference: str | None
    verification_id: UUID
    refund_after_s: float | None
    refund_whole: bool
    refund_id: UUID


@dataclass(frozen=True, slots=True)
class Death:
    """A process dies: at a moment, or at its n-th step; and comes back."""

    process: str
    at_s: float | None
    at_pass: int | None
    back_after_s: float
    politely: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a seed decides."""

    seed: int
    wishes: tuple[Wish, ...]
    deaths: tuple[Death, ...]
    outages: dict[str, list[tuple[float, float]]]
    rates: dict[str, float]
    slow: float
    provider_errors: float
    callbacks_lost: float
    callbacks_twice: float
    duplicates: float
    delays: float
    rebalances: tuple[float, ...]
    skews: tuple[tuple[float, str, float], ...]
    """(when, which process, seconds off)."""
    pauses: tuple[tuple[float, str, float], ...]
    """(when, which process, how long it stands still)."""
    processes: tuple[str, ...]
    faults_end_s: float
    days: bool = False
    """True: runs on until people are asked to look."""


def plan_of(seed: int, cards: tuple[tuple[str, int], ...]) -> Plan:
    """The same plan for the same seed, always."""
    random = Random(seed)
    methods = random.choice(("mpesa", "mpesa", "card", "both"))
    kinds: list[Kind] = []
    if methods != "card":
        kinds += ["mpesa_deposit", "mpesa_deposit", "mpesa_withdrawal"]
    if methods != "mpesa":
        kinds += ["card_deposit", "card_deposit"]
    names = {"mpesa": ("mpesa",), "card": ("card",), "both": ("mpesa", "card")}[methods]
    workers = [f"{name}-{number}" for name in names for number in range(random.choice((1, 1, 2)))]
    processes = ("gateway", "ledger", *workers)
    wishes = tuple(_wish(random, kinds, cards) for _ in range(random.choice((1, 1, 2, 3))))
    ends = 60 + 120 * random.random()
    rough = random.random() < 0.85
    some = [0.0, 0.0, 0.03, 0.15]
    more = Random(seed + VERIFICATIONS)
    return Plan(
        seed=seed,
        wishes=tuple(replace(wish, **_verification(more)) for wish in wishes),
        deaths=_deaths(random, workers, processes) if rough else (),
        outages=_outages(random, ends) if rough else {},
        rates={
            server: random.choice(some) if rough else 0.0
            for server in ("database", "broker", "mpesa", "stripe")
        },
        slow=random.choice([0.0, 0.0, 0.05, 0.2]) if rough else 0.0,
        provider_errors=random.choice([0.0, 0.0, 0.1, 0.3]) if rough else 0.0,
        callbacks_lost=random.choice([0.0, 0.0, 0.3, 1.0]) if rough else 0.0,
        callbacks_twice=random.choice([0.0, 0.3]),
        duplicates=random.choice([0.0, 0.0, 0.2]),
        delays=random.choice([0.0, 0.0, 0.3]),
        rebalances=tuple(ends * random.random() for _ in range(random.choice((0, 0, 1, 3)))),
        skews=_skews(random, workers, ends) if rough else (),
        pauses=_pauses(random, workers, ends) if rough else (),
        processes=processes,
        faults_end_s=ends,
        days=random.random() < 0.02,
    )


def _wish(random: Random, kinds: list[Kind], cards: tuple[tuple[str, int], ...]) -> Wish:
    names, weights = zip(*cards, strict=True)
    maybe_refund = random.random() < 0.4
    return Wish(
        at_s=0.1 + 20 * random.random() * random.choice((0, 1)),
        payment_id=_uuid(random),
        kind=random.choice(kinds),
        minor=100 * random.randint(20, 5000),
        card=random.choices(names, weights)[0],
        cancel_after_s=6 * random.random() if random.random() < 0.12 else None,
        verify_after_s=None,
        verify_reference=None,
        verification_id=UUID(int=0),
        refund_after_s=20 + 150 * random.random() if maybe_refund else None,
        refund_whole=random.random() < 0.6,
        refund_id=_uuid(random),
    )


VERIFICATIONS = 5
"""Added to a seed: verifications are drawn apart, so that the rest of a plan stays the same."""


def _verification(random: Random) -> dict[str, Any]:
    """Some customers verify their payment, some of them with a reference of another payment."""
    after_s = 40 * random.random() * random.choice((0.1, 1)) if random.random() < 0.3 else None
    foreign = "QK" + "".join(random.choices("ABCDEFGH23456789", k=8))
    return {
        "verify_after_s": after_s,
        "verify_reference": random.choice((None, foreign)),
        "verification_id": _uuid(random),
    }


def _deaths(random: Random, workers: list[str], processes: tuple[str, ...]) -> tuple[Death, ...]:
    deaths = []
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        process = random.choice(workers) if random.random() < 0.75 else random.choice(processes)
        back = random.choice((0.5, 3.0, 15.0, 80.0)) * (0.5 + random.random())
        if random.random() < 0.75:
            deaths.append(Death(process, None, random.randint(1, 45), back))
        else:
            politely = random.random() < 0.4
            deaths.append(Death(process, 60 * random.random(), None, back, politely))
    return tuple(deaths)


def _outages(random: Random, ends: float) -> dict[str, list[tuple[float, float]]]:
    outages: dict[str, list[tuple[float, float]]] = {}
    for server in ("database", "broker", "mpesa", "stripe"):
        if random.random() < 0.15:
            begin = 0.6 * ends * random.random()
            lasts = random.choice((1.0, 10.0, 60.0)) * random.random()
            outages[server] = [(begin, min(ends, begin + lasts))]
    return outages


def _skews(random: Random, workers: list[str], ends: float) -> tuple[tuple[float, str, float], ...]:
    if random.random() > 0.2:
        return ()
    return ((ends * random.random(), random.choice(workers), random.uniform(-300, 300)),)


def _pauses(
    random: Random, workers: list[str], ends: float
) -> tuple[tuple[float, str, float], ...]:
    """Some longer than a lease, so that its holder comes back as a zombie."""
    pauses = []
    for _ in range(random.choice((0, 0, 1, 2))):
        begin = 0.4 * ends * random.random()
        lasts = random.choice((3.0, 70.0, 100.0)) * (0.5 + random.random())
        pauses.append((begin, random.choice(workers), min(lasts, ends - begin)))
    return tuple(pauses)


def _uuid(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)
