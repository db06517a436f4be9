"""Redocly and Spectral find nothing to say about the documents under their recommended rules."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api_docs.documents import ASYNCAPI, OPENAPI
from tests.api_docs.tools import HERE, node_modules, run

pytestmark = pytest.mark.api_docs

WARNING = 1
"""Spectral's severities: 0 is an error, 1 a warning, 2 and 3 are remarks."""


def test_redocly(tmp_path: Path) -> None:
    redocly = node_modules() / ".bin" / "redocly"
    command = [str(redocly), "lint", str(OPENAPI), "--extends=recommended", "--format=json"]
    told = run(command, tmp_path)
    found: dict[str, Any] = json.loads(told[told.index("{") : told.rindex("}") + 1])
    assert found["totals"]["errors"] == 0
    assert found["totals"]["warnings"] == 0, found["problems"]


@pytest.mark.parametrize("document", [OPENAPI, ASYNCAPI], ids=lambda path: path.stem)
def test_spectral(document: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    spectral = node_modules() / ".bin" / "spectral"
    options = ["--ruleset", str(HERE / "spectral.yaml"), "--format", "json"]
    run([str(spectral), "lint", *options, "--output", str(report), str(document)], tmp_path)
    assert [item for item in json.loads(report.read_text()) if item["severity"] <= WARNING] == []
