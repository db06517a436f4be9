"""Outside a rail's own folders no code names a rail or a provider: a new rail is a new folder."""

import re
from pathlib import Path

import pytest

from cift_shared.rails.registry import rails

ROOT = Path(__file__).parents[3]
SPINE = ("shared/src", "services/gateway/src", "services/ledger/src", "deploy/local/src")
PROVIDERS = "mpesa|m-pesa|safaricom|daraja|stripe|paypal|bitcoin|ethereum|momo"
NAMES = re.compile(
    rf"(?<![a-z])({'|'.join([PROVIDERS, *rails(), *(rail.provider for rail in rails().values())])})"
    r"s?(?![a-z])",
    re.IGNORECASE,
)
NUMBERS = re.compile(
    r"card[ _]number|card check|\[card\]|looks_like_card|_mask_card|holds_card\b|card scheme",
    re.IGNORECASE,
)
"""A card number is refused and masked wherever it appears: that is no rail's business."""

ALLOWED = {
    # the platform's first contract with its users
    "shared/src/cift_shared/attempts/processor.py": r"get_(mpesa|stripe)_config|PaymentConfig\.load"
    r'|"""The settings of (M-Pesa|cards)',
    # what messages and rows of earlier releases say of a card
    "shared/src/cift_shared/messaging/instruments.py": r"\bcard\b|CardDetails|_is_card|Cards? only"
    r"|cards only",
    "shared/src/cift_shared/asyncapi/document.py": r"card|exp_(month|year)",
    "services/gateway/src/gateway/payment_methods/sql/apply_method_result.sql": r"saved\.card",
    "services/ledger/src/ledger/chain/sql/compare.sql": r"\bcard`|'card'",
    "services/ledger/src/ledger/functions/posting/decide_results.sql": r"->'card'",
    "services/ledger/src/ledger/functions/posting/read_results.sql": r"card",
    "services/ledger/src/ledger/functions/posting/shown_instrument.sql": r"card",
    # an instrument that stands for those of its kind
    "shared/src/cift_shared/rails/instruments.py": r"\(a card\)",
    "services/gateway/src/gateway/payment_methods/endpoints.py": r"[Aa] card",
}
"""Lines that may name one, by file."""


def named_in(path: Path) -> list[str]:
    """The lines of a file that name a rail or a provider and are not allowed to."""
    relative = str(path.relative_to(ROOT))
    allowed = ALLOWED.get(relative)
    return [
        f"{relative}:{number}: {line.strip()}"
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if NAMES.search(NUMBERS.sub("", line)) and not (allowed and re.search(allowed, line))
    ]


@pytest.mark.parametrize("folder", SPINE)
def test_the_spine_names_no_rail(folder: str) -> None:
    files = [path for end in ("py", "sql") for path in (ROOT / folder).rglob(f"*.{end}")]
    assert files
    applied = [path for path in files if path.parent.name == "migrations"]
    found = [line for path in files if path not in applied for line in named_in(path)]
    assert found == []


@pytest.mark.parametrize("relative", ALLOWED)
def test_what_is_allowed_is_needed(relative: str) -> None:
    lines = (ROOT / relative).read_text().splitlines()
    assert any(NAMES.search(line) and re.search(ALLOWED[relative], line) for line in lines)
