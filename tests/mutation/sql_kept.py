"""Changes of the sweeper, the chain and the log, and of looking at the past."""

from tests.mutation.sql_mutant import books, on

_SWEPT = books("sweeper")
_CHAIN = (f"{books('chain')[0]}::TestDigests", f"{books('chain')[0]}::TestSealing")
_REBUILT = books("rebuild")
_PAST = (f"{books('reports')[0]}::TestAsOf",)
_FIXED = books("guards")
_FIXED_COLUMNS = (
    "merchant_id", "customer_id", "currency", "pricing", "parent_payment_id", "command",
    "customer_account_id", "provider_account_id", "fees_account_id",
)  # fmt: skip

SWEPT = [
    *on(
        "function ledger.overdue",
        _SWEPT,
        ("when p.status = 'pending' and p.next_check_at is null", "when p.status = 'pending'"),
        ("when p.status = 'pending' and p.next_check_at is null", "when p.next_check_at is null"),
        ("interval '30 seconds'", "interval '31 seconds'"),
        ("interval '5 minutes'", "interval '5 minutes 1 second'"),
        ("interval '1 hour'", "interval '2 hours'"),
        ("limits.since <= p_now", "limits.since < p_now"),
        ("('pending', 'processing', 'requires_action')", "('pending', 'processing')"),
        (
            "where p.status in ('pending', 'processing', 'requires_action')\n      and",
            "where",
        ),
    ),
    *on(
        "function ledger.sweep",
        _SWEPT,
        ("least(p.sweep_count, 6)", "p.sweep_count"),
        ("least(p.sweep_count, 6)", "least(p.sweep_count, 5)"),
        ("interval '5 minutes' end <= p_now", "interval '5 minutes' end < p_now"),
        (
            "then interval '30 seconds' else interval '5 minutes' end",
            "then interval '30 seconds' else interval '30 seconds' end",
        ),
        ("for no key update of p skip locked", ""),
        ("sweep_count = p.sweep_count + 1, swept_at", "swept_at"),
        ("limit p_limit", ""),
    ),
]

KEPT = [
    *on(
        "function ledger.end_expired",
        (*_SWEPT, *_REBUILT),
        ("perform take_input('holds_expired', p);", ""),
        ("'expired', null", "'released', null"),
    ),
    *on(
        "function ledger.replay_input",
        _REBUILT,
        ("if p_kind = 'accepted' and p_input->>'type' = 'refund' then", "if false then"),
        ("perform end_replay(p_position);", ""),
        ("perform apply_post_settlement(p_input, null);", "null;"),
    ),
    *on(
        "function ledger.replay_results",
        _REBUILT,
        ("perform end_replay(p_position + jsonb_array_length(p_results) - 1);", ""),
    ),
    *on(
        "function ledger.begin_replay",
        _REBUILT,
        ("last_value >= p_position and is_called", "last_value > p_position and is_called"),
        ("last_value >= p_position and is_called", "false"),
    ),
    *on(
        "function ledger.end_replay",
        _REBUILT,
        ("if reached <> p_position then", "if reached > p_position then"),
    ),
    *on(
        "function ledger.transaction_digests",
        _CHAIN,
        ("tx.kind, tx.ref, tx.payment_id,", "tx.kind, tx.ref,"),
        ("a.tenant, a.code, e.currency,", "a.code, e.currency,"),
        ("e.amount::text, e.balance_after::text,", "e.amount::text,"),
        ("order by e.seq)", "order by e.seq desc)"),
        ("at time zone 'UTC'", ""),
        ("tx.tx_id > p_after", "tx.tx_id > p_after + 8"),
        ("tx.tx_id <= p_to", "tx.tx_id < p_to"),
    ),
    *on(
        "function ledger.seal_mark",
        _CHAIN,
        ("last_value * 8 + 7", "last_value * 8 - 1"),
    ),
    *on(
        "function ledger.seal",
        _CHAIN,
        ("or pg_snapshot_xmin(pg_current_snapshot()) < p_horizon then", "then"),
        ("coalesce(last.height, 0) + new.transactions", "new.transactions"),
        ("link := sha256(link || digest)", "link := sha256(digest)"),
        ("link := coalesce(last.hash, genesis());", "link := genesis();"),
        ("perform publish_head(new);", ""),
        ("if not pg_try_advisory_xact_lock(hashtextextended('ledger.seal', 0))\n       or", "if"),
    ),
    *on(
        "trigger payment_terms_are_fixed",
        _FIXED,
        *((f"{column},", "") for column in _FIXED_COLUMNS),
    ),
    *on("trigger account_never_changed", _FIXED, ("on ledger.account", "on ledger.input_kind")),
    *on(
        "trigger balance_terms_are_fixed",
        _FIXED,
        ("normal, house, floor on", "normal, house on"),
        ("normal, house, floor on", "house, floor on"),
        ("update of account_id, currency,", "update of account_id,"),
    ),
    *on(
        "trigger block_append_only",
        _CHAIN,
        ("update or delete", "delete"),
        ("update or delete", "update"),
    ),
    *on(
        "trigger input_append_only",
        _FIXED,
        ("update or delete", "delete"),
        ("update or delete", "update"),
    ),
]

PAST = [
    *on(
        "function ledger.version_as_of",
        _PAST,
        ("e.created_at <= p_at", "e.created_at < p_at"),
        ("middle := high;", "middle := low;"),
    ),
    *on(
        "function ledger.balance_as_of",
        _PAST,
        ("and h.booked_at <= p_at\n", "\n"),
        ("or h.end_booked_at > p_at", "or h.end_booked_at >= p_at"),
        ("h.end_booked_at is null or", ""),
        ("or h.end_booked_at > p_at", ""),
    ),
]
