"""The reference at /docs, as a browser shows it: complete, and within its own security policy.

Needs a Chromium on the path; without one the tests are skipped.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.openapi.docs_page import _MEDIA_TYPES
from tests.api_docs.documents import ROOT
from tests.api_docs.tools import node_modules
from tests.hostile.schemathesis_run import served_apart
from tests.support.served import Served

pytestmark = [pytest.mark.api_docs, pytest.mark.timeout(300)]

ASSETS = ROOT / "services" / "gateway" / "src" / "gateway" / "openapi" / "docs_assets"
PAGE_TIME_MS = 30_000
"""Of the page's own clock, which a headless browser turns as fast as it can."""


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with served_apart() as found:
        yield found


def test_files_are_those_of_the_package() -> None:
    package = node_modules() / "swagger-ui-dist"
    vendored = [name for name in _MEDIA_TYPES if name.startswith("swagger-ui")]
    assert len(vendored) == 2
    for name in vendored:
        assert (ASSETS / name).read_bytes() == (package / name).read_bytes(), name


def test_an_operation(served: Served, tmp_path: Path) -> None:
    page, console = opened(f"{served.base_url}/docs#/payments/createPayment", tmp_path)
    assert console == []
    for shown in (
        "Try it out",
        "Authorize",
        "Idempotency-Key",
        "PaymentRequest",
        "Deposit from a phone",
        "insufficient_funds",
        "withdrawal",
        "2547****678",
        "Our fee; for a refund, the part of the deposit&#x27;s fee",
    ):
        assert shown.replace("&#x27;", "'") in page.replace("&#x27;", "'"), shown
    for mark in ("json-schema-2020-12-property--required", "json-schema-2020-12-keyword--enum",
                 "json-schema-2020-12-keyword--examples", "matches ^"):  # fmt: skip
        assert mark in page, mark


def test_a_problem(served: Served, tmp_path: Path) -> None:
    page, console = opened(f"{served.base_url}/docs#problem-insufficient_funds", tmp_path)
    assert console == []
    assert 'id="problem-insufficient_funds"' in page
    assert page.count('class="opblock ') >= 20


def opened(address: str, folder: Path) -> tuple[str, list[str]]:
    """The page once its scripts have run, and what the browser's console says."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("the page is looked at with Chromium: not found")
    done = subprocess.run(
        [
            chromium,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            f"--user-data-dir={folder}",
            f"--virtual-time-budget={PAGE_TIME_MS}",
            "--dump-dom",
            address,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout, re.findall(r".*CONSOLE.*", done.stderr)
