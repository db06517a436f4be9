"""The lock file: what a supply chain check would ask of it."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
LOCK = (ROOT / "requirements.lock").read_text()
REQUIREMENTS = re.split(r"\n(?=\S)", LOCK.strip())


def test_every_requirement_is_pinned_and_hashed() -> None:
    assert len(REQUIREMENTS) > 50
    for requirement in REQUIREMENTS:
        assert re.match(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[0-9]", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_our_own_packages_are_not_looked_up() -> None:
    assert not re.search(r"^cift-", LOCK, re.MULTILINE)


def test_no_address_is_written_down() -> None:
    assert "://" not in LOCK
    assert "--index" not in LOCK
