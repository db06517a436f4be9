"""Images of a service with the API and of a worker, as a cluster would run them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cift_local.ports import LOOPBACK, free_port
from cift_shared.database.migrations.files import shipped_migrations
from tests.images.engine import ROOT, Container, build, run, started
from tests.support.eventually import eventually
from tests.support.services import environment

pytestmark = [pytest.mark.images, pytest.mark.timeout(900)]
SERVICES = ("gateway", "card-worker")
ENDS_WITHIN_S = 90
BYTES_MAX = 300_000_000
"""An image without its base; today the largest has a third of that."""


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def image(service: str) -> str:
    return build(service)


@pytest.fixture(scope="module")
def ops_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def container(image: str, service: str, ops_port: int) -> Iterator[Container]:
    """The service without its database and its broker: it starts and serves its health."""
    settings = environment(
        service.replace("-", "_"),
        database=f"postgresql://nobody@{LOOPBACK}:1/none",
        bootstrap=f"{LOOPBACK}:1",
        instance="image",
    )
    settings |= {"CIFT_OPS_PORT": str(ops_port), "CIFT_OPS_HOST": LOOPBACK}
    with started(image, settings) as running:
        yield running


async def test_it_serves_its_health(container: Container, ops_port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{ops_port}", trust_env=False) as http:

        async def status(path: str) -> int:
            try:
                return (await http.get(path)).status_code
            except httpx.TransportError:
                return 0

        async def is_alive() -> bool:
            return await status("/healthz") == 200

        await eventually(is_alive, "an answer at /healthz")
        assert await status("/readyz") == 503  # no database
        assert await status("/metrics") == 200


def test_it_runs_as_an_ordinary_user(container: Container) -> None:
    assert container.execute("id", "-u").stdout.strip() == "10001"


def test_the_service_itself_is_process_1(container: Container) -> None:
    command = container.execute("cat", "/proc/1/cmdline").stdout.split("\0")
    assert command[:2] == ["/opt/cift/bin/python", "/opt/cift/bin/serve"]


@pytest.mark.parametrize("folder", ["/", "/opt/cift", "/etc", "/usr"])
def test_it_writes_nowhere_but_into_tmp(container: Container, folder: str) -> None:
    assert container.execute("touch", f"{folder}/written").returncode != 0
    assert container.execute("touch", "/tmp/written").returncode == 0


def test_it_holds_what_its_lock_names(container: Container, service: str) -> None:
    lock = (ROOT / "deploy" / "images" / "locks" / f"{service}.lock").read_text()
    locked = {canonical(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    components = json.loads(container.execute("cat", "/opt/cift/sbom.cdx.json").stdout)[
        "components"
    ]
    found = {canonical(each["name"]) for each in components}
    ours = {name for name in found if name.startswith("cift-")}
    assert {"cift-shared", f"cift-{service}"} <= ours
    # a locked package may be for another version of Python only
    assert found - ours <= locked
    assert {"aiokafka", "asyncpg", "pydantic"} <= found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_libraries_of_providers_are_in_their_worker_only(
    container: Container, service: str
) -> None:
    has_stripe = container.execute("python", "-c", "import stripe").returncode == 0
    assert has_stripe == (service == "card-worker")
    assert container.execute("python", "-c", "import pip").returncode != 0


def test_the_gateways_image_migrates_every_schema(container: Container, service: str) -> None:
    ask = (
        "from cift_shared.database.migrations.files import shipped_migrations as s; print(len(s()))"
    )
    found = int(container.execute("python", "-c", ask).stdout)
    own = len(shipped_migrations())
    assert found == own if service == "gateway" else 0 < found < own
    assert container.execute("cift", "migrate", "--help").returncode == 0


def test_labels_say_what_it_is(image: str, service: str) -> None:
    [found] = json.loads(run("image", "inspect", image).stdout)
    labels = found["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == f"cift-{service}"
    assert labels["org.opencontainers.image.revision"]


def test_it_is_small(image: str, container: Container) -> None:
    size = int(container.execute("du", "-sb", "/opt/cift").stdout.split()[0])
    print(f"{image}: {size / 1e6:.0f} MB without its base")
    assert size < BYTES_MAX


def test_a_missing_setting_is_told_in_one_line(image: str) -> None:
    done = run("run", "--rm", "--network=host", image, check=False)
    assert done.returncode == 1
    assert "DATABASE_URL" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_sigterm_ends_it(container: Container) -> None:
    assert container.stop(ENDS_WITHIN_S) == 0, container.log


def test_every_lock_is_a_part_of_the_lock_of_the_whole_project() -> None:
    whole = entries(ROOT / "requirements.lock")
    locks = sorted((ROOT / "deploy" / "images" / "locks").glob("*.lock"))
    assert len(locks) == 8
    for lock in locks:
        if lock.stem != "build":
            assert entries(lock) <= whole, lock.name


def entries(lock: Path) -> set[tuple[str, ...]]:
    """Each package of a lock with its version and hashes, without its condition."""
    blocks = re.split(r"\n(?=\S)", lock.read_text().strip())
    return {
        (block.split()[0], *sorted(re.findall(r"sha256:\w+", block)))
        for block in blocks
        if "==" in block
    }
