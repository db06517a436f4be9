"""Three Apache Kafka nodes on this machine: three copies of every record, two before it counts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cift_local.kafka import Kafka, new_cluster_id
from cift_local.kafka_probe import serves_metadata
from cift_local.ports import LOOPBACK, free_port
from cift_local.waiting import run_in_thread, wait_until
from tests.support.kafka import kafka_jars

NODES, COPIES_MIN = 3, 2
_STARTS_WITHIN_S = 90.0


class Node(Kafka):
    """One of the nodes; it answers only when a majority runs."""

    def __init__(
        self, folder: Path, *, jars: Path, port: int, cluster: str, settings: Mapping[str, str]
    ) -> None:
        super().__init__(folder, jars=jars, port=port, settings=settings)
        self._cluster = cluster

    async def is_ready(self) -> bool:
        """True once its process runs: the cluster waits for the answers of all of them."""
        return True

    def _cluster_id(self) -> str:
        return self._cluster


@dataclass(frozen=True, slots=True)
class KafkaCluster:
    """The running nodes."""

    nodes: Sequence[Node]

    @property
    def bootstrap(self) -> str:
        """The addresses of all nodes."""
        return ",".join(node.bootstrap for node in self.nodes)

    def wait(self, numbers: Sequence[int]) -> None:
        """Wait until these nodes, counted from 0, answer."""

        async def all_answer() -> bool:
            ports = [self.nodes[number].port for number in numbers]
            return all([await serves_metadata(LOOPBACK, port) for port in ports])

        assert run_in_thread(wait_until(all_answer, _STARTS_WITHIN_S)), "Kafka does not answer"


@contextmanager
def running_kafka_cluster(folder: Path) -> Iterator[KafkaCluster]:
    """Run the nodes, or skip (fail in CI) where there are no jars to run."""
    jars, cluster = kafka_jars(), new_cluster_id()
    ports = [free_port() for _ in range(NODES)]
    controllers = [free_port() for _ in range(NODES)]
    voters = ",".join(f"{n + 1}@{LOOPBACK}:{port}" for n, port in enumerate(controllers))
    nodes = [
        Node(
            folder / f"kafka-{number + 1}",
            jars=jars,
            port=port,
            cluster=cluster,
            settings=_settings(number + 1, port, controllers[number], voters),
        )
        for number, port in enumerate(ports)
    ]
    with ExitStack() as running:
        for node in nodes:
            running.enter_context(node)
        found = KafkaCluster(nodes)
        found.wait(range(NODES))
        yield found


def _settings(number: int, port: int, controller: int, voters: str) -> dict[str, str]:
    copies = dict.fromkeys(
        (
            "offsets.topic.replication.factor",
            "transaction.state.log.replication.factor",
            "share.coordinator.state.topic.replication.factor",
            "default.replication.factor",
        ),
        str(NODES),
    )
    least = dict.fromkeys(
        (
            "min.insync.replicas",
            "transaction.state.log.min.isr",
            "share.coordinator.state.topic.min.isr",
        ),
        str(COPIES_MIN),
    )
    return {
        **copies,
        **least,
        "node.id": str(number),
        "controller.quorum.voters": voters,
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "unclean.leader.election.enable": "false",
    }
