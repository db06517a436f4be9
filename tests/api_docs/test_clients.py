"""Clients made from the OpenAPI document compile strictly and take a payment as they are made."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api_docs.documents import OPENAPI
from tests.api_docs.tools import HERE, clients_python, node_modules, run
from tests.hostile.schemathesis_run import served_apart
from tests.support.served import Served

pytestmark = [pytest.mark.api_docs, pytest.mark.timeout(900)]

CLIENTS = HERE / "clients"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with served_apart() as found:
        yield found


def test_python(served: Served, tmp_path: Path) -> None:
    python = clients_python()
    config = tmp_path / "config.yml"
    config.write_text("post_hooks: []\n")
    made = ["--path", str(OPENAPI), "--config", str(config), "--fail-on-warning"]
    options = ["--meta", "none", "--output-path", str(tmp_path / "cift_client")]
    run([str(python), "-m", "openapi_python_client", "generate", *made, *options], tmp_path)
    for program in ("pay.py", "find.py"):
        shutil.copy(CLIENTS / program, tmp_path)
    run([str(python), "-m", "mypy", "--strict", "pay.py", "find.py", "cift_client"], tmp_path)
    token = served.authorization.removeprefix("Bearer ")
    is_the_payment(run([str(python), "pay.py", served.base_url, token], tmp_path))
    told = json.loads(run([str(python), "find.py", served.base_url, token], tmp_path))
    assert told["found"] == told["paid"]
    assert told["strange"] == []


def test_typescript(served: Served, tmp_path: Path) -> None:
    modules = node_modules()
    (tmp_path / "node_modules").symlink_to(modules)
    shutil.copy(CLIENTS / "pay.mts", tmp_path)
    shutil.copy(HERE / "tsconfig.json", tmp_path)
    tools = modules / ".bin"
    run([str(tools / "openapi-typescript"), str(OPENAPI), "--output", "api.d.ts"], tmp_path)
    run([str(tools / "tsc"), "--project", "tsconfig.json"], tmp_path)
    program = str(tmp_path / "built" / "pay.mjs")
    is_the_payment(run(["node", program, served.base_url, served.authorization], tmp_path))


def is_the_payment(told: str) -> None:
    payment = json.loads(told)
    assert payment["status"] == "pending"
    assert payment["payment_method"]["phone"] == "2547****678"
    assert (payment["amount"], payment["currency"]) == ("100.00", "KES")
