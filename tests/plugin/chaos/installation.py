"""How a run gets the plugin's rails: they are installed by being on the path."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]
SITE = HERE / "site"


def prices() -> dict[str, Any]:
    """The shipped price list with the rules of the plugin's rails."""
    shipped = (files("cift_shared.money") / "fee_schedule.json").read_text(encoding="utf-8")
    plugin = json.loads((HERE / "fees.json").read_text(encoding="utf-8"))
    listed: dict[str, Any] = json.loads(shipped)
    return {**listed, "rules": [*listed["rules"], *plugin["rules"]]}


@contextlib.contextmanager
def variables() -> Iterator[dict[str, str]]:
    """The variables of a run, beside the path; the price list is there for the block."""
    with tempfile.TemporaryDirectory(prefix="cift-prices-") as folder:
        Path(folder).chmod(0o755)
        price_list = Path(folder) / "prices.json"
        price_list.write_text(json.dumps(prices()), encoding="utf-8")
        yield {"CIFT_FEE_SCHEDULE": str(price_list), "CIFT_CHAOS_RAILS": "tests.plugin.chaos"}
