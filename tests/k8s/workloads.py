"""The workloads of the platform as Kafka and PostgreSQL see them, from the installed rails."""

from dataclasses import dataclass, field

from cift_shared.messaging import topics
from cift_shared.messaging.topics import commands, dead_letter, webhooks
from cift_shared.rails.gateway import gateway_rails
from cift_shared.rails.local import local_rails
from cift_shared.rails.rail import Rail
from cift_shared.rails.registry import rails
from crypto_signer.store import ROLE as BITCOIN_SIGNER_ROLE
from ethereum_signer.store import ROLE as ETHEREUM_SIGNER_ROLE
from exchange_rates.store import ROLE as RATES_ROLE
from gateway.app import ROLE as GATEWAY_ROLE
from gateway.payment_methods.results import GROUP as METHODS_GROUP
from gateway.payment_options.statuses import GROUP as RAILS_GROUP
from ledger.app import GROUP as LEDGER_GROUP
from ledger.app import ROLE as LEDGER_ROLE

JOBS = ("migrate", "topics")
SIGNER_ROLES = [BITCOIN_SIGNER_ROLE, ETHEREUM_SIGNER_ROLE]
MORE_ROLES = {"crypto-watcher": [RATES_ROLE]}
"""The roles of units that serve no rail."""


@dataclass(frozen=True)
class Workload:
    """One service: the topics that it reads, by group, those it writes, and its database roles."""

    name: str
    reads: list[tuple[str, str]]
    """A consumer group and the topic it reads."""
    writes: list[str]
    roles: list[str]
    command_groups: list[tuple[str, str]] = field(default_factory=list)
    """The part of `reads` whose lag decides about the number of replicas."""

    @property
    def all_writes(self) -> list[str]:
        """Every topic it writes to, with the dead letters of those it reads."""
        return sorted({*self.writes, *(dead_letter(topic) for _, topic in self.reads)})


def workloads() -> list[Workload]:
    """Every service, the workers by name at the end."""
    by_worker: dict[str, list[Rail]] = {}
    for name, local in local_rails().items():
        by_worker.setdefault(local.worker, []).append(rails()[name])
    workers = [_worker(*pair) for pair in sorted(by_worker.items())]
    return [_gateway(), _ledger(), Workload("crypto-signer", [], [], SIGNER_ROLES), *workers]


def _gateway() -> Workload:
    reads = [(METHODS_GROUP, topics.METHOD_RESULTS), (RAILS_GROUP, topics.RAIL_STATUSES)]
    writes = [topic for rail in rails().values() for topic in topics.topics_of(rail)]
    return Workload("gateway", reads, writes, [GATEWAY_ROLE])


def _ledger() -> Workload:
    reads = [(LEDGER_GROUP, topics.RESULTS)]
    sends_again = [commands(rail) for rail in rails()]
    writes = [topics.EVENTS, topics.HEADS, *sends_again]
    return Workload("ledger", reads, writes, [LEDGER_ROLE], reads)


def _worker(name: str, served: list[Rail]) -> Workload:
    of_commands = [(f"{rail.name}-worker", commands(rail.name)) for rail in served]
    of_notices = [
        (f"{rail.name}-notices", webhooks(rail.provider)) for rail in served if rail.has_notices
    ]
    writes = [topics.RESULTS, topics.RAIL_STATUSES]
    if any(gateway_rails()[rail.name].keeps_at_provider for rail in served):
        writes.append(topics.METHOD_RESULTS)
    roles = [*(f"cift_{rail.name}" for rail in served), *MORE_ROLES.get(name, ())]
    return Workload(name, [*of_commands, *of_notices], writes, roles, of_commands)
