"""docs/api.md lists the refusals that are stored under their key, and no others are."""

import re
from pathlib import Path

from gateway.problems.problem import KINDS

DOCS = Path(__file__).parents[3] / "docs" / "api.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| (\d{3}) \| (?:always|when .+) \|$", re.MULTILINE)
NEVER_STORED = {400, 401, 403, 404, 405, 408, 413, 415, 429, 431, 500, 503}


def test_docs_list_what_is_stored() -> None:
    section = DOCS.read_text().partition("## Idempotency")[2].partition("\n## ")[0]
    listed = {code: int(status) for code, status in ROW.findall(section)}
    assert listed == {code: kind.status for code, kind in KINDS.items() if kind.stored}


def test_what_may_help_when_repeated_is_never_stored() -> None:
    for code, kind in KINDS.items():
        assert not (kind.stored and (kind.retryable or kind.status in NEVER_STORED)), code
