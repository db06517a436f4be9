"""What finds the payment of a line, and the lines that the worker has read from the records."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock

import pytest

from cift_shared.attempts.store import attempt_id_of
from cift_shared.errors import SettingsInvalid
from cift_shared.rails.statements import ProviderLine
from mpesa_worker import statement
from mpesa_worker.domain import account_reference, keyed_account_reference
from mpesa_worker.statement import FORMAT
from tests.support.commands import DATA_KEYS, INDEX_KEY, VAULT
from tests.unit.mpesa_worker.test_statement import IN, PAYMENT, file

AT = datetime(2026, 11, 23, 11, 5, 6, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CIFT_DATA_KEYS", DATA_KEYS)
    monkeypatch.setenv("CIFT_INDEX_KEY", INDEX_KEY)
    statement._vault.cache_clear()
    yield
    statement._vault.cache_clear()


def test_a_payment_is_found_by_each_reference_that_its_push_may_carry() -> None:
    attempt = attempt_id_of(PAYMENT)
    assert FORMAT.hints(PAYMENT) == (
        f"account {keyed_account_reference(VAULT, attempt, 0)}",
        f"account {keyed_account_reference(VAULT, attempt, 1)}",
        f"account {account_reference(PAYMENT)}",
    )


def test_without_the_workers_key_the_missing_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CIFT_INDEX_KEY")
    with pytest.raises(SettingsInvalid, match="CIFT_INDEX_KEY"):
        FORMAT.hints(PAYMENT)


async def test_the_rows_of_the_records_become_lines() -> None:
    rows = [
        {"receipt": "UKN4AAAA01", "reference": "ABCDEFGHIJKL", "amount_minor": 100_000, "at": AT},
        {"receipt": "UKN4AAAA02", "reference": None, "amount_minor": 5_000, "at": AT},
    ]
    connection = AsyncMock()
    connection.fetch.return_value = rows
    assert FORMAT.kept is not None
    lines = await FORMAT.kept(connection, AT, AT + timedelta(days=1))
    assert connection.fetch.call_args.args[1:] == (AT, AT + timedelta(days=1))
    assert lines == tuple(
        ProviderLine(
            external_id=receipt,
            kind="payment",
            at=AT,
            gross=gross,
            currency="KES",
            references=(receipt,),
            hints=hints,
        )
        for receipt, gross, hints in [
            ("UKN4AAAA01", 100_000, ("account ABCDEFGHIJKL",)),
            ("UKN4AAAA02", 5_000, ()),
        ]
    )


def test_the_export_is_in_shillings_and_its_days_end_in_nairobi() -> None:
    (line,) = FORMAT.read(file(IN)).lines
    assert line.currency == "KES"
    assert FORMAT.timezone.utcoffset(None) == timedelta(hours=3)
