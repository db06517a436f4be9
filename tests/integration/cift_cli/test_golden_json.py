"""The form of `--json` of each command: keys and types are a promise, see docs/cli.md.

A change here breaks programs of others: keys may be added, none may go or change its type.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ledger.books import MERCHANT, open_books
from tests.support.cift import cift, shape
from tests.support.commands import DATA_KEYS, INDEX_KEY

pytestmark = pytest.mark.integration

EVER = ["--from", "2000-01-01", "--to", "2100-01-01"]
SIGNED = ["--operator", "amina", "--reason", "a test"]
KEYS = {"CIFT_DATA_KEYS": DATA_KEYS, "CIFT_INDEX_KEY": INDEX_KEY}
HEAD = {"transactions": "int", "head": "str"}
HOLD = {
    "key": "str", "state": "str", "captured": "NoneType", "amount": "str", "currency": "str",
    "account": "str", "until": "NoneType", "reason": "str",
}  # fmt: skip

GOLDEN: dict[str, Any] = {
    "keys new": {"CIFT_DATA_KEYS": "str", "CIFT_INDEX_KEY": "str", "CIFT_CALLBACK_KEY": "str"},
    "migrate": {"applied": [], "newer": []},
    "api-key list": [],
    "verify-books": {
        "broken": "int",
        "invariants": [{"name": "str", "rule": "str", "violations": "int", "examples": []}],
    },
    "ledger verify-chain": {
        "transactions": "int", "blocks": "int", "unsealed": "int", "head": "str", "breaks": [],
        "anchor_found": "NoneType",
    },
    "ledger rebuild-verify": {
        "inputs": "int", "log": HEAD, "rebuilt": HEAD, "same": "bool",
        "figures": [{"name": "str", "rows": "int", "differences": "int", "examples": []}],
    },
    "ledger trial-balance": {
        "as_of": "str",
        "accounts": [
            {"mode": "str", "currency": "str", "class": "str", "account": "str",
             "accounts": "int", "debit": "str", "credit": "str"}
        ],
        "totals": [
            {"mode": "str", "currency": "str", "debit": "str", "credit": "str",
             "balances": "bool"}
        ],
    },
    f"ledger fees {' '.join(EVER)}": [
        {"mode": "str", "method": "str", "currency": "str", "period": "str", "deposits": "str",
         "withdrawals": "str", "refunds": "str", "volume": "str", "fees": "str",
         "share_percent": "str", "costs": "str", "margin": "str"}
    ],
    "ledger review": [],
    "ledger hold list": [HOLD],
    "reconcile list": [],
    "stuck": [],
}  # fmt: skip


@pytest.fixture
async def env(database: str) -> dict[str, str]:
    """A database with a settled deposit and a hold."""
    async with open_books(database) as books:
        await books.settled_deposit()
    return {**KEYS, "DATABASE_URL": database}


async def documents(env: dict[str, str], *words: str) -> Any:
    said = await cift(*words, "--json", **env)
    assert said.code == 0, said
    return said.json


async def test_commands_that_read(env: dict[str, str]) -> None:
    place = ["--merchant", MERCHANT, "--mode", "test", "--customer", "c1", "--amount", "10.00"]
    await documents(env, "ledger", "hold", "place", *place, "--currency", "KES", *SIGNED)
    for words, golden in GOLDEN.items():
        assert shape(await documents(env, *words.split())) == golden, words


async def test_keys_of_the_api(env: dict[str, str]) -> None:
    made = await documents(env, "api-key", "create", "--merchant", "m_x", "--name", "shop")
    assert shape(made) == {
        "key": "str", "key_id": "str", "merchant_id": "str", "name": "str", "mode": "str",
        "scopes": ["str"], "expires_at": "NoneType",
    }  # fmt: skip
    [listed] = await documents(env, "api-key", "list")
    assert shape(listed) == {
        "key_id": "str", "mode": "str", "state": "str", "merchant_id": "str", "name": "str",
        "scopes": ["str"], "created_at": "str", "expires_at": "NoneType",
        "revoked_at": "NoneType",
    }  # fmt: skip
    revoked = await documents(env, "api-key", "revoke", made["key_id"])
    assert revoked == {"key_id": made["key_id"], "state": "revoked"}


async def test_check_of_one_payment_has_its_documented_fields(database: str) -> None:
    async with open_books(database) as books:
        paid = await books.settled_deposit()
    document = await documents({"DATABASE_URL": database}, "check", str(paid.payment_id))
    assert shape(document) == {
        "payment_id": "str", "status": "str", "type": "str", "method": "str", "mode": "str",
        "amount": "str", "currency": "str", "next_check_at": "NoneType",
        "overdue_since": "NoneType", "attempts": [], "holds": [],
        "postings": [{"currency": "str", "transactions": "int", "sum_minor": "str"}],
        "outbox": [{"schema": "str", "topic": "str", "since": "str"}], "notices_waiting": "int",
        "not_readable": [], "findings": [], "story": ["str"],
    }  # fmt: skip


async def test_commands_about_holds_have_their_documented_fields(env: dict[str, str]) -> None:
    place = ["--merchant", MERCHANT, "--mode", "test", "--customer", "c1", "--currency", "KES"]
    for key, end in (("a", "release"), ("b", "capture")):
        placed = await documents(
            env, "ledger", "hold", "place", *place, "--amount", "10.00", "--key", key, *SIGNED
        )
        assert placed == {"key": key, "amount": "10.00", "currency": "KES"}
        ended = await documents(env, "ledger", "hold", end, key, *SIGNED)
        if end == "release":
            assert ended == {"key": key, "state": "released"}
        else:
            assert shape(ended) == {"key": "str", "account": "str", "transaction_id": "int"}


async def test_exports_to_files_have_their_documented_fields(
    env: dict[str, str], tmp_path: Path
) -> None:
    log, journal = tmp_path / "log", tmp_path / "journal.csv"
    said = await cift("ledger", "export-log", str(log), "--json", **env)
    assert (said.out, shape(json.loads(said.err))) == ("", {"inputs": "int"})
    said = await cift("ledger", "export", *EVER, "--output", str(journal), "--json", **env)
    sums = {"mode": "str", "currency": "str", "debit": "str", "credit": "str"}
    assert shape(json.loads(said.err)) == {
        "transactions": "int", "entries": "int", "sums": [sums]
    }  # fmt: skip
