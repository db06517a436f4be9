"""Every topic of the house: created by one admin step (`cift topics`), never by accident."""

from dataclasses import dataclass

PARTITIONS = 12
DEAD_LETTER_PARTITIONS = 3
DAY_MS = 24 * 60 * 60 * 1000

RESULTS = "payments.results"
EVENTS = "payments.events"
DEAD_LETTER_SUFFIX = ".dead-letter"

ABOUT_COMMANDS = "What the gateway asks of the method's worker; key is the payment id."
ABOUT_WEBHOOKS = "A provider's webhooks as they came, sealed; key is the attempt id."
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


def all_topics(methods: list[str]) -> list[Topic]:
    """Every topic for the methods that are installed, dead-letter topics included."""
    live = [RESULTS, EVENTS]
    live += [make(method) for method in methods for make in (commands, webhooks)]
    kept = [Topic(name, PARTITIONS, 30 * DAY_MS) for name in live]
    aside = [Topic(dead_letter(name), DEAD_LETTER_PARTITIONS, 90 * DAY_MS) for name in live]
    return kept + aside
