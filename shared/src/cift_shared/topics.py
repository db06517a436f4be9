"""Every topic of the house: created by one admin step (`cift topics`), never by accident."""

from collections.abc import Iterable
from dataclasses import dataclass

from cift_shared.methods import METHODS, Method

PARTITIONS = 12
DEAD_LETTER_PARTITIONS = 3
DAY_MS = 24 * 60 * 60 * 1000

RESULTS = "payments.results"
EVENTS = "payments.events"
METHOD_RESULTS = "payment-methods.results"
HEADS = "ledger.heads"
DEAD_LETTER_SUFFIX = ".dead-letter"

ABOUT_COMMANDS = "What the gateway asks of the method's worker; key is the payment id."
ABOUT_WEBHOOKS = "A provider's webhooks as they came, sealed; one key for what belongs together."
ABOUT_METHOD_RESULTS = "What workers learned about saved methods; key is the method's id."
ABOUT_HEADS = "The head of the ledger's hash chain after each sealed block; key is `head`."
ABOUT_RESULTS = "What workers learned, for the ledger; key is the payment id."


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic and how long it remembers."""

    name: str
    partitions: int
    retention_ms: int


def commands(method: str) -> str:
    """Where the commands of a method go; key is the payment id."""
    return f"payments.commands.{method}"


def webhooks(provider: str) -> str:
    """Where a provider's notices go; key is the attempt id, or the notice id without one."""
    return f"payments.webhooks.{provider}"


def dead_letter(topic: str) -> str:
    """Where messages of a topic are set aside."""
    return topic + DEAD_LETTER_SUFFIX


def all_topics(methods: Iterable[Method] = METHODS.values()) -> list[Topic]:
    """Every topic for these methods, dead-letter topics included."""
    live = [RESULTS, EVENTS, METHOD_RESULTS]
    for method in methods:
        live += [commands(method.name), webhooks(method.provider)]
    kept = [Topic(name, PARTITIONS, 30 * DAY_MS) for name in live]
    aside = [Topic(dead_letter(name), DEAD_LETTER_PARTITIONS, 90 * DAY_MS) for name in live]
    # the anchor of the books outside the books: few, small, and kept for good
    return [*kept, *aside, Topic(HEADS, 1, -1)]
