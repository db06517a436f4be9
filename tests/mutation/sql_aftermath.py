"""Changes of reversals and disputes."""

from tests.mutation.sql_mutant import AFTERMATH, ALL, DISPUTES, guarded, on

WENT_BACK = [
    *on(
        "function ledger.reversal_conflict",
        guarded("test_a_reversal_in_another_currency_is_for_people"),
        (
            "from (p_payment.minor, p_payment.currency)",
            "from (p_payment.minor, p_told.currency)",
        ),
        guards=ALL,
    ),
    *on(
        "function ledger.reversal_conflict",
        AFTERMATH,
        (
            "from (p_payment.minor, p_payment.currency)",
            "from (p_told.amount, p_payment.currency)",
        ),
        ("r.payment_id <> p_payment.payment_id", "false"),
    ),
    *on(
        "function ledger.reverse_payment",
        AFTERMATH,
        ("or p_payment.reversed_minor > 0 then", "then"),
        (
            "set refunded_minor = refunded_minor - p_payment.minor",
            "set refunded_minor = refunded_minor",
        ),
        ("set reversed_minor = minor,", "set reversed_minor = 1,"),
    ),
    *on(
        "function ledger.mirror_legs",
        AFTERMATH,
        ("case p_payment.type when 'refund' then -1 else 1 end", "1"),
        ("-p_payment.net_minor", "-p_payment.minor"),
        ("case p_payment.type when 'refund' then 1 else -1 end", "-1"),
    ),
    *on(
        "function ledger.deposit_reversal_legs",
        AFTERMATH,
        ("own := least(own, available(p_payment.customer_account_id));", ""),
        (
            "own := least(own, available(p_payment.customer_account_id));",
            "own := available(p_payment.customer_account_id);",
        ),
        ("and hold.state in ('held', 'captured')", ""),
        ("hold.state in ('held', 'captured')", "hold.state in ('held')"),
        ("and refund.reversed_minor = 0", ""),
        ("p_payment.fee_minor - coalesce(sum(refund.fee_minor), 0)", "p_payment.fee_minor"),
        ("p_payment.net_minor - coalesce(sum(refund.net_minor), 0)", "p_payment.net_minor"),
    ),
    *on(
        "function ledger.available",
        AFTERMATH,
        ("- held -", "-"),
    ),
    *on(
        "function ledger.apply_aftermath",
        AFTERMATH,
        ("if target.status <> 'completed' then", "if false then"),
        ("and rail = told[1].rail", ""),
    ),
]

DISPUTED = [
    *on(
        "function ledger.dispute_after",
        DISPUTES,
        (
            "after.withdrawn_minor := greatest(\n        p_before.withdrawn_minor,",
            "after.withdrawn_minor := greatest(",
        ),
        (
            "after.reinstated_minor := greatest(\n        p_before.reinstated_minor,",
            "after.reinstated_minor := greatest(",
        ),
        ("after.fee_minor := greatest(p_before.fee_minor,", "after.fee_minor := greatest("),
        (
            "after.fee_reinstated_minor := greatest(\n        p_before.fee_reinstated_minor,",
            "after.fee_reinstated_minor := greatest(",
        ),
        ("after.withdrawn_minor - after.reinstated_minor", "after.withdrawn_minor"),
        ("and after.lost_minor = 0 then", "then"),
        ("p_told.occurred_at >= p_before.updated_at", "true"),
        ("news #>> '{fee_reinstated,currency}'", "null"),
        (
            "when p_before.withdrawn_minor > 0 or p_before.reinstated_minor > 0",
            "when p_before.money_currency is not null",
        ),
        guards=5,
    ),
    *on(
        "function ledger.dispute_conflict",
        DISPUTES,
        ("p_told.detail #>> '{dispute,withdrawn,currency}',", ""),
        ("p_told.detail #>> '{dispute,fee,currency}',", ""),
        ("when p_after.payment_id <> p_before.payment_id then 'dispute_of_another_payment'", ""),
    ),
    *on(
        "function ledger.dispute_accounts_made",
        DISPUTES,
        ("or p_dispute.fee_reinstated_minor > 0", ""),
    ),
    *on(
        "function ledger.dispute_postings",
        DISPUTES,
        ("total - coalesce(total_before, 0), debit", "total, debit"),
        ("where total > coalesce(total_before, 0)", "where total > 0"),
        (
            "p_accounts.losses else p_accounts.disputes end,\n            p_accounts.provider)",
            "p_accounts.disputes else p_accounts.disputes end,\n            p_accounts.provider)",
        ),
    ),
    *on(
        "function ledger.hold_disputed",
        DISPUTES,
        ("p_dispute.withdrawn_minor - p_dispute.reinstated_minor", "p_dispute.withdrawn_minor"),
        ("and p_dispute.money_currency = p_payment.currency", ""),
        ("available(p_payment.customer_account_id)", "p_dispute.withdrawn_minor"),
        guards=1,
    ),
    *on(
        "function ledger.settle_dispute",
        DISPUTES,
        ("least(coalesce(held.amount, 0), p_dispute.lost_minor)", "coalesce(held.amount, 0)"),
        ("least(coalesce(held.amount, 0), p_dispute.lost_minor)", "p_dispute.lost_minor"),
        (
            "when share > 0 then 'captured' else 'released' end,\n            nullif(share, 0)",
            "when false then null else 'released' end, null",
        ),
        ("p_dispute.lost_minor - share)", "p_dispute.lost_minor)"),
        guards=2,
    ),
    *on(
        "function ledger.post_dispute",
        DISPUTES,
        (
            "p_after.reinstated_minor >= p_after.withdrawn_minor",
            "p_after.reinstated_minor > p_after.withdrawn_minor",
        ),
        ("p_after.reinstated_minor >= p_after.withdrawn_minor", "p_after.reinstated_minor > 0"),
        (
            "coalesce(p_before.withdrawn_minor, 0) = 0 and p_after.withdrawn_minor > 0",
            "p_after.withdrawn_minor > 0",
        ),
        ("perform hold_disputed(p_payment, p_after, p_at);", ""),
        guards=2,
    ),
    *on(
        "function ledger.disputed",
        DISPUTES,
        ("when p_dispute.withdrawn_minor <= p_dispute.reinstated_minor then 0", ""),
        (
            "then p_dispute.withdrawn_minor - p_dispute.reinstated_minor",
            "then p_dispute.withdrawn_minor",
        ),
        ("when p_dispute.currency = p_currency then p_dispute.minor", ""),
        guards=2,
    ),
    *on(
        "function ledger.store_dispute",
        DISPUTES,
        ("money_currency = excluded.money_currency,", ""),
        (
            "disputed_minor = (select sum(disputed(d, p.currency))",
            "disputed_minor = (select max(disputed(d, p.currency))",
        ),
    ),
    *on(
        "function ledger.dispute_payment",
        DISPUTES,
        (
            "case when p_payment.type <> 'deposit' then 'dispute_of_no_deposit'",
            "case when false then 'dispute_of_no_deposit'",
        ),
    ),
]
