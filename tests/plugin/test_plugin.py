"""A new rail is a new folder: DemoPay pays with no edit outside `site`, in real processes.

The rail is installed by being on the path, as a package is; a process without it knows nothing of
it. What each part of the platform shows of it is collected by `scenario.py`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NAME, POLLED = "demopay", "demopoll"

pytestmark = [pytest.mark.integration, pytest.mark.e2e, pytest.mark.timeout(360)]


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """What a merchant and an operator see of the rail in a running stack."""
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL",
           "KAFKA_BOOTSTRAP_SERVERS")}  # fmt: skip
    env |= {
        "PYTHONPATH": os.pathsep.join([str(HERE / "site"), str(ROOT)]),
        "CIFT_FEE_SCHEDULE": str(HERE / "fees.json"),
    }
    argv = [sys.executable, "-m", "tests.plugin.scenario"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=env, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_its_payments_end_as_expected(seen: dict[str, Any]) -> None:
    assert len(seen["steps"]) == 5
    for name, (status, expected) in seen["steps"].items():
        assert status == expected, name


def test_the_books_agree_with_its_provider(seen: dict[str, Any]) -> None:
    ours = {f"{NAME} ZAR": "105.00", f"{POLLED} GHS": "127.00"}
    assert seen["books"] == {"good": True, "ours": ours}
    (balance,) = seen["balances"]["balances"]
    assert (balance["currency"], balance["available"]) == ("ZAR", "73.45")


def test_the_api_shows_its_instrument_and_no_more(seen: dict[str, Any]) -> None:
    wallet = {"kind": "wallet", "account": "DP-****-0001"}
    assert seen["payment"]["payment_method"] == wallet
    (saved,) = seen["saved"]["data"]
    assert wallet.items() <= saved.items()
    assert "DP-1000-0001" not in json.dumps(seen)
    assert seen["wrong_instrument"] == [422, "payment_method_invalid"]


def test_it_is_quoted_and_offered_where_it_works(seen: dict[str, Any]) -> None:
    assert (seen["quote"]["fee"], seen["quote"]["net"]) == ("1.00", "99.00")
    offered = {option["method"]: option for option in seen["options"]["data"]}
    assert offered[NAME]["available"] is True
    assert (offered[NAME]["fee"], offered[NAME]["expected_seconds"]) == ("1.00", 2)
    assert NAME not in {option["method"] for option in seen["elsewhere"]["data"]}


def test_timeline_and_statement_tell_of_it(seen: dict[str, Any]) -> None:
    names = [item["name"] for item in seen["timeline"]["items"]]
    assert {"accepted", "submitted", "settled"} <= set(names)
    kinds = {line["kind"] for line in seen["statement"]["data"]}
    assert kinds == {"deposit", "withdrawal", "refund"}


def test_both_documents_describe_it(seen: dict[str, Any]) -> None:
    assert {"Wallet", "SavedWallet"} <= set(seen["schemas"])
    assert f"/api/v1/webhooks/{NAME}" in seen["paths"]
    assert {f"payments.commands.{NAME}", f"payments.webhooks.{NAME}"} <= set(seen["channels"])


def test_its_notices_arrive_and_forged_ones_do_not(seen: dict[str, Any]) -> None:
    handled = f'cift_kafka_records_handled_total{{topic="payments.webhooks.{NAME}"}}'
    (line,) = [line for line in seen["metrics"] if line.startswith(handled)]
    assert float(line.rpartition(" ")[2]) >= 1
    assert seen["forged"] == [400, "signature_invalid"]


def test_its_statement_is_reconciled_and_every_invariant_holds(seen: dict[str, Any]) -> None:
    status, report, told = seen["reconciliation"]
    assert status == 0, told
    assert report["differing"] == []
    assert seen["invariants"] == ""


def test_a_second_rail_of_its_method_needs_no_notices(seen: dict[str, Any]) -> None:
    for name, (status, expected) in seen["polled"]["played"].items():
        assert status == expected, name
    assert seen["polled"]["shown"] == [[NAME, POLLED]]
    commands = f"payments.commands.{POLLED}"
    assert seen["polled"]["topics"] == [commands, f"{commands}.dead-letter"]
    assert f"payments.webhooks.{POLLED}" not in seen["channels"]
    open_of = 'cift_attempts_open{method="%s",state="waiting"}'
    for rail in (NAME, POLLED):
        assert any(line.startswith(open_of % rail) for line in seen["metrics"]), rail


def test_a_rail_whose_provider_hangs_stops_no_other_rail(seen: dict[str, Any]) -> None:
    stuck = seen["polled"]["stuck"]
    assert stuck["beside"] == "completed"
    assert stuck["meanwhile"] == ["pending"]
    assert stuck["after"] == ["completed"]


def test_what_its_provider_has_is_canceled_when_the_provider_says_so(seen: dict[str, Any]) -> None:
    canceled = seen["polled"]["canceled"]
    assert canceled["statuses"] == ["canceled", "completed"]
    assert canceled["answers"] == [202, 202, 409]
    assert canceled["money_is_back"]
    assert {"submitted", "cancel_requested", "cancel.done"} <= set(canceled["timeline"])


def test_withdrawals_are_refused_while_it_has_too_little_to_pay_out(seen: dict[str, Any]) -> None:
    floats = seen["polled"]["float"]
    assert floats["reasons"] == {NAME: None, POLLED: "float_low"}
    assert floats["deposits"] == [True, True]
    assert floats["refused"][:2] == [503, "float_low"]
    assert floats["again"] == {NAME: True, POLLED: True}


def test_its_network_fee_is_in_the_price_and_a_quote_keeps_it(seen: dict[str, Any]) -> None:
    network = seen["polled"]["network"]  # 0.01 USD, then 0.05, at 10.9
    assert network["quoted"] == ["0.21", "0.11"]
    assert network["option"] == ["0.65", "0.55"]
    assert network["fees"] == ["0.21", "0.65"]
    assert network["estimate"] == "0.05 USD"


def test_its_jobs_run_and_show_when_they_last_did(seen: dict[str, Any]) -> None:
    for job in ("session", "float", "network_fee"):
        series = f'cift_job_last_success_timestamp_seconds{{job_name="{job}",schema="{POLLED}"}}'
        (line,) = [line for line in seen["metrics"] if line.startswith(series)]
        assert float(line.rpartition(" ")[2]) > 0
    assert any(line.startswith(f'cift_float_minor_units{{currency="GHS",rail="{POLLED}"}}')
               for line in seen["metrics"])  # fmt: skip


def test_its_command_is_one_of_cift(seen: dict[str, Any]) -> None:
    assert json.loads(seen["own_command"])["moved"] > 1


def test_its_second_process_is_a_part_of_the_stack(seen: dict[str, Any]) -> None:
    assert seen["processes"][f"{POLLED}-signer"] == seen["processes"][f"{NAME}-worker"]
    assert f"{POLLED}-worker" not in seen["processes"]


def test_without_its_folder_nothing_knows_it() -> None:
    asks = "from cift_shared.rails.registry import rails; print(*rails())"
    done = subprocess.run(
        [sys.executable, "-c", asks], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert not {NAME, POLLED} & set(done.stdout.split())
    names = [
        path
        for end in ("py", "sql", "toml")
        for path in ROOT.rglob(f"*.{end}")
        if not path.is_relative_to(HERE)
        and ".venv" not in path.parts
        and any(name in path.read_text(errors="ignore").lower() for name in (NAME, POLLED))
    ]
    assert names == []
