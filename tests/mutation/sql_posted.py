"""Changes of posting results and conversions."""

from tests.mutation.sql_mutant import ALL, POSTING, RECEIVED, books, guarded, on

AS_RECEIVED = [
    *on(
        "function ledger.decide_results",
        RECEIVED,
        ("when received_fee < amount then 'move'", "when received_fee <= amount then 'move'"),
        ("p.amount_policy = 'as_received' and b.currency", "b.currency"),
        ("case when received then amount else minor end", "minor"),
        ("case when received then received_fee else fee_minor end", "fee_minor"),
        ("then amount - received_fee else amount end", "then amount - received_fee else minor end"),
        ("when kind = 'settled' and is_open and takes", "when kind = 'settled' and takes"),
        guards=2,
    ),
    *on(
        "function ledger.fee_by_pricing",
        RECEIVED,
        ("* 0.01) + coalesce(fixed, 0)", "* 0.01)"),
        ("round(p_minor *", "floor(p_minor *"),
        ("                minimum),", "                null),"),
        ("            maximum)", "            null)"),
        ("+ coalesce(round((p_pricing->>'network_fee')::numeric * scale), 0)", ""),
        ("coalesce((p_pricing #>> '{rate,value}')::numeric, 1)", "1"),
        guards=ALL,
    ),
    *on(
        "function ledger.store_payments",
        RECEIVED,
        (
            "case p.type when 'deposit' then coalesce",
            "case 'deposit' when 'deposit' then coalesce",
        ),
    ),
    *on(
        "function ledger.receive_amounts",
        RECEIVED,
        ("set requested_minor = p.minor,", "set requested_minor = null,"),
    ),
    *on(
        "function ledger.refuse_new_amounts",
        RECEIVED,
        ("old.amount_policy <> 'as_received'", "false"),
        ("or old.status not in ('pending', 'processing', 'requires_action')", ""),
        ("or new.requested_minor is distinct from old.minor", ""),
    ),
]

POSTED = [
    *on(
        "function ledger.decide_results",
        guarded("TestASettlement"),
        ("coalesce(b.amount, 0) <= 0", "coalesce(b.amount, 0) < 0"),
        ("or b.provider_fee < 0", ""),
        ("known.method = facts.rail", "true"),
        guards=ALL,
    ),
    *on(
        "function ledger.decide_results",
        POSTING,
        (
            "b.amount = p.minor and b.currency = p.currency as amount_matches",
            "b.amount = p.minor as amount_matches",
        ),
        (
            "b.amount = p.minor and b.currency = p.currency as amount_matches",
            "b.currency = p.currency as amount_matches",
        ),
        (
            "b.seq <= p.attempt_seq, false) as overtaken",
            "b.seq < p.attempt_seq - 1, false) as overtaken",
        ),
        ("b.attempt_id = p.attempt_id and b.seq", "b.seq"),
        ("and known.payment_id <> facts.payment_id) as reference_taken", ") as reference_taken"),
        ("when reference_taken then 'reused'", "when false then 'reused'"),
        ("when suspense_posted then 'conflict'", "when false then 'conflict'"),
        (
            "when not amount_matches or other_reference or other_fee then 'conflict'",
            "when other_reference or other_fee then 'conflict'",
        ),
        (
            "when not amount_matches or other_reference or other_fee then 'conflict'",
            "when not amount_matches or other_fee then 'conflict'",
        ),
        (
            "when not amount_matches or other_reference or other_fee then 'conflict'",
            "when not amount_matches or other_reference then 'conflict'",
        ),
        (
            "when new_reference or new_fee or new_public then 'fill'",
            "when new_reference then 'fill'",
        ),
        ("when is_open and amount_matches then 'move'", "when is_open then 'move'"),
        ("when overtaken or not is_open then 'stale'", "when overtaken then 'stale'"),
        ("when overtaken or not is_open then 'stale'", "when not is_open then 'stale'"),
        ("when ruling = 'suspend' then 'suspense'", "when ruling = 'suspend' then null"),
        ("believed and new_fee and provider_fee > 0", "believed and provider_fee > 0"),
        ("or (b.provider_fee is null) <> (b.provider_fee_currency is null)", ""),
    ),
    *on(
        "function ledger.update_payments",
        guarded("test_an_older_note_does_not_bring_older_progress_back"),
        ("greatest(p.attempt_seq, v.seq)", "v.seq"),
        guards=ALL,
    ),
    *on(
        "function ledger.update_payments",
        POSTING,
        ("p.suspense_posted or coalesce(v.posting = 'suspense', false)", "p.suspense_posted"),
        ("coalesce(p.provider_reference, v.provider_reference)", "p.provider_reference"),
        ("where v.provider_reference is not null;", "where false;"),
    ),
    *on(
        "function ledger.update_related",
        guarded("test_a_refund_that_ended_without_money_frees_its_deposit"),
        (
            "and v.to_status in ('completed', 'failed', 'expired', 'canceled')\n        group",
            "and v.to_status in ('completed', 'failed', 'expired')\n        group",
        ),
        (
            "and v.to_status in ('completed', 'failed', 'expired', 'canceled')\n        group",
            "and v.to_status in ('completed', 'failed', 'canceled')\n        group",
        ),
        (
            "and v.to_status in ('completed', 'failed', 'expired', 'canceled')\n        group",
            "and v.to_status in ('completed', 'expired', 'canceled')\n        group",
        ),
        (
            "set refund_pending_minor = parent.refund_pending_minor - refunds.ended",
            "set refund_pending_minor = parent.refund_pending_minor",
        ),
        guards=ALL,
    ),
    *on(
        "function ledger.update_related",
        POSTING,
        ("parent.refunded_minor + refunds.completed", "parent.refunded_minor"),
        ("filter (where v.to_status = 'completed')", ""),
    ),
    *on(
        "function ledger.lines_of",
        POSTING,
        ("case v.type when 'deposit' then v.minor else -v.minor end", "v.minor"),
        (
            "case v.type when 'deposit' then -v.net_minor else v.net_minor end",
            "case v.type when 'deposit' then -v.minor else v.net_minor end",
        ),
        ("case v.type when 'refund' then v.fee_minor else -v.fee_minor end", "-v.fee_minor"),
        ("case v.type when 'refund' then -v.fee_minor else v.fee_minor end", "v.fee_minor"),
        ("case v.type when 'deposit' then v.amount else -v.amount end", "v.amount"),
        (
            "case v.type when 'deposit' then v.amount else -v.amount end",
            "case v.type when 'deposit' then v.minor else -v.minor end",
        ),
        ("leg.sign * v.provider_fee", "-leg.sign * v.provider_fee"),
    ),
    *on(
        "function ledger.end_holds",
        POSTING,
        ("set held = balance.held - total.amount", "set held = balance.held"),
        (
            "and v.to_status in ('completed', 'failed', 'expired', 'canceled')",
            "and v.to_status in ('completed', 'failed', 'expired')",
        ),
        (
            "and v.to_status in ('completed', 'failed', 'expired', 'canceled')",
            "and v.to_status in ('completed')",
        ),
        ("captured = case v.to_status when 'completed' then hold.amount end", "captured = 0"),
    ),
    *on(
        "function ledger.rank_results",
        books("posting", "batches"),
        ("or b.result_id = any (stored)", ""),
        ("when one_by_one then place else turn end", "else turn end"),
        ("and p.rail = b.rail", ""),
    ),
]

CONVERTED = [
    *on(
        "function ledger.convert",
        guarded("TestAConversion"),
        ("cut_off < 0 or", ""),
        ("cut_off >= 1 then", "cut_off > 1 then"),
        ("cut_off >= 1 then", "cut_off >= 2 then"),
        ("where livemode = wish.livemode and to_currency", "where to_currency"),
        ("and to_currency = wish.to_currency", ""),
        guards=ALL,
    ),
    *on(
        "function ledger.convert",
        books("conversion", "money_guards"),
        ("- b.held - wish.from_minor < b.floor", "- wish.from_minor < b.floor"),
        ("- b.held - wish.from_minor < b.floor", "- b.held - wish.from_minor <= b.floor"),
        ("row(ours_to, wish.to_minor + whole)", "row(ours_to, wish.to_minor)"),
        ("wish.carry := wish.carry - whole;", ""),
        ("order by position desc limit 1", "order by position limit 1"),
        ("select coalesce(max(carry), 0) + cut_off", "select coalesce(max(carry), 0)"),
        ("if found then", "if false then"),
    ),
    *on(
        "function ledger.worth",
        books("conversion"),
        (
            "p_minor * given.unit * p_rate * ('1e' || received.exponent)::numeric",
            "p_minor * p_rate",
        ),
    ),
]
