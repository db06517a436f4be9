"""All that the books hold, without what depends on when and in which order rows were written."""

from typing import Any

TABLES = {
    "payment": """
        select to_jsonb(p) - '{command,customer_account_id}'::text[]
            - '{provider_account_id,fees_account_id}'::text[]
        from ledger.payment p order by payment_id""",
    "event": """
        select to_jsonb(e) - 'created_at' from ledger.payment_event e order by event_seq""",
    "hold": """
        select to_jsonb(h) - '{hold_id,account_id,booked_at,end_booked_at}'::text[]
            || jsonb_build_object('tenant', a.tenant, 'code', a.code)
        from ledger.hold h join ledger.account a using (account_id)
        order by coalesce(h.payment_id::text, h.hold_key)""",
    "balance": """
        select to_jsonb(b) - 'account_id' || jsonb_build_object('tenant', a.tenant, 'code', a.code)
        from ledger.balance b join ledger.account a using (account_id)
        order by a.tenant, a.code""",
    "transaction": """
        select to_jsonb(t) - 'created_at' from ledger.ledger_tx t order by tx_id""",
    "entry": """
        select to_jsonb(e) - '{account_id,created_at}'::text[] || jsonb_build_object(
            'tenant', a.tenant, 'code', a.code)
        from ledger.entry e join ledger.account a using (account_id)
        order by e.tx_id, e.seq""",
    "receipt": "select to_jsonb(r) from ledger.receipt r order by method, reference",
    "unfinished": "select to_jsonb(u) from ledger.unfinished u order by payment_id",
    "dispute": "select to_jsonb(d) from ledger.dispute d order by method, reference",
    "outbox": """
        select to_jsonb(o) - '{id,created_at}'::text[] from ledger.outbox o order by id""",
}


async def whole_tables(connection: Any) -> dict[str, list[Any]]:
    """Every row of the books, by table."""
    return {
        name: [row[0] for row in await connection.fetch(query)] for name, query in TABLES.items()
    }
