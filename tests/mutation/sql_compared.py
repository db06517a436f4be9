"""Changes of reconciliations: what they post, and when a difference is settled.

Not changed: `claim_suspense` and the first question of `own_suspense`, which no way leads to while
a payment that people ended as failed stays so.
"""

from tests.mutation.sql_mutant import books, on

_COMPARED = books("reconciliation", "reconciliation_guards")

COMPARED = [
    *on(
        "view ledger.provider_item",
        _COMPARED,
        ("sum(e.amount) filter (where not is_fee) as gross", "sum(e.amount) as gross"),
        (
            "-sum(e.amount) filter (where is_fee) as fee",
            "sum(e.amount) filter (where is_fee) as fee",
        ),
        ("where tx.kind <> 'reconciliation'\n", ""),
        ("tx.kind in ('provider_fee', 'dispute_fee')", "tx.kind in ('dispute_fee')"),
    ),
    *on(
        "function ledger.book_reconciliation",
        _COMPARED,
        (
            (
                "row(provider, (p->>'amount')::numeric)::leg,\n"
                "              row(other, -(p->>'amount')::numeric)::leg"
            ),
            (
                "row(provider, -(p->>'amount')::numeric)::leg,\n"
                "              row(other, (p->>'amount')::numeric)::leg"
            ),
        ),
    ),
    *on(
        "function ledger.book_write_off",
        _COMPARED,
        (
            (
                "row(suspense, -(p->>'amount')::numeric)::leg,\n"
                "              row(other, (p->>'amount')::numeric)::leg"
            ),
            (
                "row(suspense, (p->>'amount')::numeric)::leg,\n"
                "              row(other, -(p->>'amount')::numeric)::leg"
            ),
        ),
    ),
    *on(
        "function ledger.own_suspense",
        _COMPARED,
        ("'unclaimed', 0, p_suspended.amount,", "'unclaimed', 0, -p_suspended.amount,"),
    ),
    *on(
        "function ledger.reopen_discrepancy",
        _COMPARED,
        ("d.in_suspense - e.amount", "d.in_suspense + e.amount"),
        ("set state = 'open',", "set state = d.state,"),
    ),
    *on(
        "function ledger.record_group",
        _COMPARED,
        (
            "case when p_group->>'kind' = 'missing_there' then 0 else wanted - done.booked end",
            "wanted - done.booked",
        ),
        ("wanted - done.booked end", "wanted end"),
        ("in_suspense = done.in_suspense - change", "in_suspense = done.in_suspense"),
        ("booked = done.booked + change", "booked = done.booked"),
        ("order by state = 'closed', discrepancy_id limit 1;", "order by discrepancy_id limit 1;"),
        ("if change <> 0 then", "if change > 0 then"),
        ("perform close_agreed(target.discrepancy_id, p);", ""),
    ),
    *on(
        "function ledger.discrepancies_of",
        _COMPARED,
        ("and livemode = (p->>'livemode')::boolean\n", "\n"),
        ("and currency = p->>'currency' and", "and"),
        ("where method = p->>'method' and livemode", "where livemode"),
        ("and kind <> 'unclaimed'", ""),
    ),
    *on(
        "function ledger.posted_about",
        _COMPARED,
        (
            (
                "select tx.tx_id from ledger_tx tx join about on tx.kind = 'correction' "
                "and tx.ref = about.tx_id::text"
            ),
            "select tx_id from about where false",
        ),
        ("select 'write-off:' || (p->>'method') ||", "select 'x:' || (p->>'method') ||"),
        ("and a.tenant = house_tenant((p->>'livemode')::boolean)", ""),
        ("where a.currency = p->>'currency' and", "where"),
        ("where a.kind = 'provider'), 0)", "where true), 0)"),
        ("where a.kind = 'suspense'), 0)", "where false), 0)"),
    ),
    *on(
        "function ledger.close_agreed",
        _COMPARED,
        ("and difference = 0 and in_suspense = 0;", "and difference = 0;"),
        ("and difference = 0 and in_suspense = 0;", "and in_suspense = 0;"),
    ),
    *on(
        "function ledger.keep_lines",
        _COMPARED,
        ("is distinct from (l.gross, l.fee, p->>'currency')", "is null"),
        ("(l.gross, l.fee, p->>'currency')", "(known.gross, l.fee, p->>'currency')"),
        ("(l.gross, l.fee, p->>'currency')", "(l.gross, known.fee, p->>'currency')"),
        ("(l.gross, l.fee, p->>'currency')", "(l.gross, l.fee, known.currency)"),
        ("and known.livemode = (p->>'livemode')::boolean\n", "\n"),
    ),
    *on(
        "function ledger.change_discrepancy",
        _COMPARED,
        ("if not found or target.state = 'closed' then", "if not found then"),
    ),
    *on(
        "function ledger.close_discrepancy",
        _COMPARED,
        ("or other.in_suspense + p_target.in_suspense <> 0 or unbooked", "or unbooked"),
        (
            "or other.in_suspense + p_target.in_suspense <> 0 or unbooked <> 0 then",
            "or other.in_suspense + p_target.in_suspense <> 0 then",
        ),
        (
            "(p_target.method, p_target.livemode, p_target.currency)",
            "(other.method, p_target.livemode, p_target.currency)",
        ),
        (
            "(p_target.method, p_target.livemode, p_target.currency)",
            "(p_target.method, other.livemode, p_target.currency)",
        ),
        (
            "(p_target.method, p_target.livemode, p_target.currency)",
            "(p_target.method, p_target.livemode, other.currency)",
        ),
        ("if other.state is null or other.state = 'closed'\n", "if other.state is null\n"),
        ("elsif p_target.in_suspense <> 0 then", "elsif false then"),
        ("elsif unbooked <> 0 then", "elsif false then"),
        ("perform end_discrepancy(other, 0, null, p);", ""),
    ),
    *on(
        "function ledger.write_off",
        _COMPARED,
        ("not in ('adjustments', 'provider-costs', 'losses')", "is null"),
        (
            "not in ('adjustments', 'provider-costs', 'losses')",
            "not in ('provider-costs', 'losses')",
        ),
        ("not in ('adjustments', 'provider-costs', 'losses')", "not in ('adjustments', 'losses')"),
        (
            "not in ('adjustments', 'provider-costs', 'losses')",
            "not in ('adjustments', 'provider-costs')",
        ),
        ("'amount', p_unbooked::text", "'amount', (-p_unbooked)::text"),
        ("'amount', p_target.in_suspense::text", "'amount', (-p_target.in_suspense)::text"),
        ("if p_target.in_suspense <> 0 then", "if p_target.in_suspense > 0 then"),
        ("if p_unbooked <> 0 then", "if p_unbooked > 0 then"),
    ),
    *on(
        "function ledger.end_discrepancy",
        _COMPARED,
        (
            "set state = 'closed', booked = booked + p_booked, in_suspense = 0,",
            "set state = 'closed', booked = booked + p_booked,",
        ),
        ("booked = booked + p_booked,", ""),
    ),
]
