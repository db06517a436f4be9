"""Logins of PostgreSQL and rights of Kafka's users, from the table of the operators' manifests."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka.protocol.admin import CreateAclsRequest, CreateAclsRequest_v1

from cift_local.accounts import LEDGER_BALANCES, Balances, balances_of
from cift_local.ports import LOOPBACK
from cift_shared.kafka.admin import admin_client
from cift_shared.kafka.letters import read_letters
from cift_shared.security.kafka import Brokers
from tests.k8s.generated import user
from tests.k8s.workloads import Workload, workloads
from tests.k8s_e2e.credentials import APPROVER, Credentials
from tests.k8s_e2e.kube import AROUND, ClusterError, execute, forwarded

LOCAL_PORT = 29092
"""Kafka's listener inside its pod, which asks for no login."""
RESOURCES = {"topic": 2, "group": 3}
OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8}
LITERAL, ALLOW, ANY_HOST = 3, 3, "*"
"""Numbers of Kafka's protocol: ResourceType, AclOperation, PatternType, AclPermissionType."""
Right = tuple[int, str, int, str, str, int, int]


def psql(statements: str) -> str:
    """Run SQL as the superuser; returns its output."""
    words = ("psql", "--host=/tmp", "--username=postgres", "--dbname=cift", "-v", "ON_ERROR_STOP=1")
    return execute("postgres-0", *words, "-qtA", namespace=AROUND, given=statements)


def create_logins(credentials: Credentials) -> None:
    """A login for the migrations, which owns the database, and one for each service."""
    services = [each.name for each in workloads()]
    made = [f"create role {_quoted(name)} login password '{credentials.password(name)}';"
            for name in services]  # fmt: skip
    owner = f"create role migrate login createrole password '{credentials.password('migrate')}';"
    psql("\n".join([owner, "alter database cift owner to migrate;", *made]))


def grant_roles() -> None:
    """Make each service's login a member of those of its roles that migrations have created.

    An earlier release's migrations have not created all.
    """
    psql("\n".join(_grant(each) for each in workloads()))


def _grant(workload: Workload) -> str:
    roles = ", ".join(f"'{each}'" for each in workload.roles)
    return (
        f"select format('grant %I to %I', rolname, '{workload.name}')"
        f" from pg_roles where rolname in ({roles}) \\gexec"
    )


def _quoted(name: str) -> str:
    return f'"{name}"'


def create_approver(credentials: Credentials) -> None:
    """A login for the person who approves withdrawals, as docs/bitcoin.md says."""
    password = credentials.password(APPROVER)
    psql(f"create role {APPROVER} login password '{password}' in role cift_wallet_approver;")


def allow_scratch_databases() -> None:
    """Let the owner create a database, as `cift ledger rebuild-verify` does; migrations may not."""
    psql("alter role migrate createdb;")


def dead_letters() -> int:
    """How many dead letters there are."""
    with forwarded("kafka-0", LOCAL_PORT, namespace=AROUND):
        return len(asyncio.run(read_letters(Brokers(f"{LOOPBACK}:{LOCAL_PORT}"))))


def balances_at_providers() -> Balances:
    """Our balance at each provider, from the ledger."""
    rows = psql(f"select json_agg(one) from ({LEDGER_BALANCES}) as one")
    return balances_of(json.loads(rows or "null") or ())


def grant_topics() -> int:
    """Give Kafka's users the rights that Strimzi would give them; returns their number.

    Raises:
        ClusterError: Kafka refused one.
    """
    rights = [right for each in workloads() for right in _rights(user(each))]
    with forwarded("kafka-0", LOCAL_PORT, namespace=AROUND):
        asyncio.run(_create(rights))
    return len(rights)


def _rights(manifest: dict[str, Any]) -> Iterator[Right]:
    principal = f"User:{manifest['metadata']['name']}"
    for rule in manifest["spec"]["authorization"]["acls"]:
        kind, name = RESOURCES[rule["resource"]["type"]], rule["resource"]["name"]
        for operation in rule["operations"]:
            yield kind, name, LITERAL, principal, ANY_HOST, OPERATIONS[operation], ALLOW


class _ManyRights(CreateAclsRequest):  # type: ignore[misc]  # the client has no types
    """Many rights in one request; the client's own class takes a single one."""

    def __init__(self, rights: Sequence[Right]) -> None:
        self._rights = rights

    def build(self, request_struct_class: Any) -> CreateAclsRequest_v1:
        found: CreateAclsRequest_v1 = request_struct_class(list(self._rights))
        return found


async def _create(rights: Sequence[Right]) -> None:
    async with admin_client(Brokers(f"{LOOPBACK}:{LOCAL_PORT}")) as admin:
        answer = await admin._send_to_controller(_ManyRights(rights))
    refused = [message for code, message in answer.creation_responses if code]
    if refused:
        raise ClusterError(f"Kafka refused rights: {refused[:3]}")
