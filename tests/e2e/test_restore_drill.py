"""PostgreSQL's server and disk are lost: restored from backup and archive, nothing is lost or sent
twice, although the providers and Kafka are ahead of the database.

The figures are printed: how much of the log the archive lacked, and what was forgotten and found.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cift_local.broker import EmbeddedBroker
from tests.support.postgres import throw_away_folder
from tests.support.restore_drill import FORGOTTEN_BY_MPESA, drill, is_good

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    with throw_away_folder("restore") as folder:
        yield folder


async def test_a_restored_platform_loses_nothing_and_sends_nothing_twice(folder: Path) -> None:
    with EmbeddedBroker(folder / "broker") as broker:
        report = await drill(folder, broker.bootstrap)
    print(json.dumps(report))
    assert is_good(report), report
    assert report["forgotten"] > 0
    assert len(report["missing_in_reconciliation"]) >= FORGOTTEN_BY_MPESA
    assert "data, index and callback keys belong to the backup" in report["without_the_data_key"]
