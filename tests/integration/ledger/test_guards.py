"""The locks on the books: what nobody may do, and what the services' roles may not."""

import asyncpg
import pytest

from cift_shared.money.amount import EXPONENTS
from ledger.posting.domain import TRANSITIONS
from tests.integration.ledger.books import Books

pytestmark = pytest.mark.integration

APPEND_ONLY = {
    "ledger_tx": "kind",
    "entry": "amount",
    "payment_event": "kind",
    "hold": "amount",
    "receipt": "reference",
}
INSERT_ENTRY = """
insert into ledger.entry
    (tx_id, seq, account_id, amount, currency, balance_after, account_version, created_at)
select tx_id, 9, account_id, 1, currency, 1, 9, now() from ledger.entry limit 1
"""
INSERT_PAIR = """
insert into ledger.entry
    (tx_id, seq, account_id, amount, currency, balance_after, account_version, created_at)
select 800, b.account_id, b.account_id, (array[7, -7])[row_number() over ()], $1, 0, b.version + 1,
    now()
from ledger.balance b limit 2
"""
INSERT_HEAD = """
insert into ledger.ledger_tx (tx_id, kind, ref, effective_at, created_at)
values ($1, 'suspense', 'x', now(), now())
"""

FORBIDDEN = [
    INSERT_ENTRY,
    "insert into ledger.ledger_tx (kind, ref) values ('settlement', 'x')",
    "insert into ledger.payment (payment_id) values (gen_random_uuid())",
    "update ledger.payment set status = 'completed'",
    "update ledger.balance set posted = 0",
    "delete from ledger.payment_event",
    "truncate ledger.hold",
    "alter table ledger.entry disable trigger all",
    "select ledger.post('{}'::ledger.decision[])",
    "select ledger.open_account('house:test', 'fees:x:KES')",
]


async def test_what_was_written_stays_even_for_the_owner(books: Books) -> None:
    await books.settled_deposit()
    paid = await books.withdrawal()
    await books.apply(paid.result("declined"))
    for table, column in APPEND_ONLY.items():
        for statement in (
            f"update ledger.{table} set {column} = {column}",
            f"delete from ledger.{table}",
            f"truncate ledger.{table} cascade",
        ):
            with pytest.raises(asyncpg.RestrictViolationError):
                await books.admin.execute(statement)
    for table in ("payment", "account", "balance"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await books.admin.execute(f"delete from ledger.{table}")


PAYMENT_TERMS = [
    "payment_id", "merchant_id", "livemode", "customer_id", "type", "method", "rail", "currency",
    "pricing", "parent_payment_id", "command", "created_at", "customer_account_id",
    "provider_account_id", "fees_account_id", "merchant_account_id",
]  # fmt: skip
TERMS = [
    ("payment", PAYMENT_TERMS),
    ("account", ["tenant", "code", "currency", "kind"]),
    ("balance", ["account_id", "currency", "normal", "house", "floor"]),
    ("input", ["position", "kind", "input", "created_at"]),
]


async def test_terms_stay_as_they_were_agreed(books: Books) -> None:
    await books.settled_deposit()
    expiring = await books.withdrawal()
    assert await books.apply(expiring.result("declined")) == ["applied"]
    await books.admin.execute(
        "select ledger.take_input('holds_expired', '{\"hold_keys\": []}'::jsonb)"
    )
    for table, columns in TERMS:
        for column in columns:
            with pytest.raises(asyncpg.RestrictViolationError):
                await books.admin.execute(f"update ledger.{table} set {column} = {column}")
    with pytest.raises(asyncpg.RestrictViolationError):
        await books.admin.execute("delete from ledger.input")


class TestSums:
    """What the functions do right by construction nobody can do wrong by hand."""

    async def test_entries_that_do_not_balance_are_refused(self, books: Books) -> None:
        paid = await books.settled_deposit()
        with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
            await books.admin.execute(INSERT_ENTRY)
        assert len((await books.journal(paid))["settlement"]) == 3

    async def test_a_sum_over_two_transactions_does_not_count(self, books: Books) -> None:
        await books.settled_deposit()
        with pytest.raises(asyncpg.CheckViolationError, match="does not balance"):
            await books.admin.execute(INSERT_PAIR.replace("800", "800 + b.account_id"), "KES")

    async def test_a_transaction_without_entries_is_refused(self, books: Books) -> None:
        with pytest.raises(asyncpg.CheckViolationError, match="entries are missing"):
            await books.admin.execute(INSERT_HEAD, 800)

    async def test_what_balances_may_be_written(self, books: Books) -> None:
        await books.settled_deposit()
        async with books.admin.acquire() as connection:
            trial = connection.transaction()
            await trial.start()
            await connection.execute(INSERT_PAIR, "KES")
            await connection.execute(INSERT_HEAD, 800)
            await trial.rollback()

    async def test_an_entry_in_another_currency_is_refused(self, books: Books) -> None:
        await books.settled_deposit()
        with pytest.raises(asyncpg.ForeignKeyViolationError, match="currency"):
            await books.admin.execute(INSERT_PAIR, "USD")

    async def test_an_entry_of_an_account_that_is_not_there_is_refused(self, books: Books) -> None:
        await books.settled_deposit()
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await books.admin.execute(
                INSERT_PAIR.replace(
                    "select 800, b.account_id, b.acc", "select 800, b.account_id, 99 + b.acc"
                ),
                "KES",
            )

    async def test_a_balance_below_its_floor_is_refused(self, books: Books) -> None:
        await books.settled_deposit(10_000, 0)
        for change in ("posted = 1", "held = 10001", "held = -1"):
            with pytest.raises(asyncpg.CheckViolationError):
                await books.admin.execute(f"update ledger.balance set {change} where not house")


class TestRoles:
    async def test_the_books_are_written_by_their_functions_only(self, books: Books) -> None:
        for pool in (books.ledger, books.gateway):
            for statement in FORBIDDEN:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await pool.execute(statement)

    async def test_the_gateway_neither_posts_nor_sweeps_nor_sees_the_outbox(
        self, books: Books
    ) -> None:
        for statement in (
            "select * from ledger.apply_results('[]')",
            "select ledger.sweep(now(), 1)",
            "select * from ledger.outbox",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await books.gateway.execute(statement)

    async def test_the_ledger_does_not_accept(self, books: Books) -> None:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await books.ledger.execute("select ledger.accept_payment('{}')")

    async def test_definer_functions_look_names_up_where_they_are_told(self, books: Books) -> None:
        loose = await books.admin.fetch(
            """select proname from pg_proc
               where pronamespace = 'ledger'::regnamespace and prosecdef
                 and not proconfig::text like '%search_path=ledger, pg_temp%'"""
        )
        assert loose == []

    async def test_nothing_belongs_to_a_role_that_logs_in(self, books: Books) -> None:
        strangers = await books.admin.fetch(
            """select relname::text from pg_class
               where relnamespace = 'ledger'::regnamespace
                 and relowner <> 'cift_ledger_owner'::regrole
               union all
               select proname::text from pg_proc
               where pronamespace = 'ledger'::regnamespace
                 and proowner <> 'cift_ledger_owner'::regrole"""
        )
        assert strangers == []


async def test_sql_and_python_allow_the_same_moves(books: Books) -> None:
    rows = await books.admin.fetch("select from_status, to_status from ledger.payment_transition")
    in_python = {(str(start), str(end)) for start, ends in TRANSITIONS.items() for end in ends}
    assert {tuple(row) for row in rows} == in_python


async def test_sql_and_python_know_the_same_currencies(books: Books) -> None:
    rows = await books.admin.fetch("select code, exponent from ledger.currency")
    assert dict(rows) == EXPONENTS
