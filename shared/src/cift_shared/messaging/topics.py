"""All Kafka topics: created only by the admin command `cift topics`, never automatically."""

from collections.abc import Iterable
from dataclasses import dataclass

from cift_shared.rails.rail import Rail
from cift_shared.rails.registry import rails

PARTITIONS = 12
DEAD_LETTER_PARTITIONS = 3
HOUR_MS = 60 * 60 * 1000
DAY_MS = 24 * HOUR_MS

RESULTS = "payments.results"
EVENTS = "payments.events"
METHOD_RESULTS = "payment-methods.results"
HEADS = "ledger.heads"
RAIL_STATUSES = "rails.status"
DEAD_LETTER_SUFFIX = ".dead-letter"

ABOUT_COMMANDS = "Commands from the gateway to the method's worker; the key is the payment id."
ABOUT_WEBHOOKS = "A provider's webhooks as received, sealed; related notices have the same key."
ABOUT_METHOD_RESULTS = "What workers learned about saved methods; key is the method's id."
ABOUT_HEADS = "The head of the ledger's hash chain after each sealed block; key is `head`."
ABOUT_RAIL_STATUSES = "Whether each worker can use its provider now; key is rail and process."
ABOUT_EVENTS = "Changes of payments' states, for merchants; key is the payment id."
ABOUT_RESULTS = "What workers learned, for the ledger; key is the payment id."


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic with its partitions and its retention."""

    name: str
    partitions: int
    retention_ms: int


def commands(rail: str) -> str:
    """The topic of a rail's commands; the key is the payment id."""
    return f"payments.commands.{rail}"


def webhooks(provider: str) -> str:
    """The topic of a provider's notices; the key is the attempt id, or else the notice id."""
    return f"payments.webhooks.{provider}"


def topics_of(rail: Rail) -> list[str]:
    """The topics that a rail's worker reads: commands and, if its provider posts any, notices."""
    return [commands(rail.name), *([webhooks(rail.provider)] if rail.has_notices else [])]


def dead_letter(topic: str) -> str:
    """The dead-letter topic of a topic."""
    return topic + DEAD_LETTER_SUFFIX


def all_topics(known: Iterable[Rail] | None = None) -> list[Topic]:
    """Every topic for these rails (None: the installed ones), dead-letter topics included."""
    live = [RESULTS, EVENTS, METHOD_RESULTS]
    for rail in rails().values() if known is None else known:
        live += topics_of(rail)
    live = list(dict.fromkeys(live))  # rails of one provider share its notice topic
    main = [Topic(name, PARTITIONS, 30 * DAY_MS) for name in live]
    rejected = [Topic(dead_letter(name), DEAD_LETTER_PARTITIONS, 90 * DAY_MS) for name in live]
    # old statuses are useless: the newest of each process is in the gateway's table
    statuses = [
        Topic(RAIL_STATUSES, 1, HOUR_MS),
        Topic(dead_letter(RAIL_STATUSES), DEAD_LETTER_PARTITIONS, 90 * DAY_MS),
    ]
    # heads of the ledger's hash chain, stored outside the ledger: few, small, kept forever
    return [*main, *rejected, *statuses, Topic(HEADS, 1, -1)]
