"""Changes of reversals and disputes."""

from tests.mutation.sql_mutant import (
    AFTERMATH,
    ALL,
    CHARGED,
    DISPUTES,
    REVERSALS,
    UNCLAIMED,
    guarded,
    on,
)

WENT_BACK = [
    *on(
        "function ledger.reversal_conflict",
        guarded("test_a_reversal_in_another_currency_is_for_people"),
        ("p_result.currency is distinct from p_payment.currency", "false"),
        guards=ALL,
    ),
    *on(
        "function ledger.reversal_conflict",
        AFTERMATH,
        ("is null and p_result.amount <> p_payment.minor", "is null and false"),
    ),
    *on(
        "function ledger.reversal_conflict",
        REVERSALS,
        (
            "p_payment.reversed_minor + p_result.amount > p_payment.minor",
            "p_result.amount > p_payment.minor",
        ),
        ("p_result.amount is null or p_result.amount <= 0", "p_result.amount is null"),
        ("or p_result.amount <> reversed_by(p_payment, known)", ""),
        guards=1,
    ),
    *on(
        "function ledger.belongs_to_another",
        AFTERMATH,
        ("r.payment_id <> p_payment.payment_id", "false"),
    ),
    *on(
        "function ledger.reversal_named",
        REVERSALS,
        ("tx.ref = p_payment.payment_id || ':' || p_reference", "false"),
        ("and e.detail->>'provider_reference' = p_reference", ""),
    ),
    *on(
        "function ledger.reversal_known",
        REVERSALS,
        (
            "coalesce(p_result.detail->>'reversal_reference', p_result.provider_reference)",
            "p_result.detail->>'reversal_reference'",
        ),
        ("where p_result.detail->>'reversal_reference' is null\n           and", "where"),
    ),
    *on(
        "function ledger.reinstatement_conflict",
        REVERSALS,
        ("when p_reversal.tx_id is null then 'reinstatement_without_reversal'", ""),
        (
            "is distinct from (reversed_by(p_payment, p_reversal), p_payment.currency)",
            "is distinct from (p_result.amount, p_payment.currency)",
        ),
    ),
    *on(
        "function ledger.reinstate_payment",
        REVERSALS,
        ("if conflict is null and exists (", "if conflict is null and not exists ("),
        ("if conflict is null and refunds_full(p_payment, p_result.amount) then", "if false then"),
        (
            "count_reversed(p_result, p_payment, -p_result.amount)",
            "count_reversed(p_result, p_payment, 0)",
        ),
        guards=1,
    ),
    *on(
        "function ledger.reinstatement_legs",
        REVERSALS,
        ("- available(p_payment.customer_account_id)", ""),
        ("then -amount - missing else", "then -amount else"),
    ),
    *on(
        "function ledger.reverse_payment",
        AFTERMATH,
        ("or known.tx_id is not null then", "then"),
    ),
    *on(
        "function ledger.count_reversed",
        AFTERMATH,
        ("set refunded_minor = refunded_minor - p_minor", "set refunded_minor = refunded_minor"),
        ("set reversed_minor = reversed_minor + p_minor,", "set reversed_minor = 1,"),
    ),
    *on(
        "function ledger.payout_legs_reversed",
        REVERSALS,
        ("case p_payment.type when 'refund' then -1 else 1 end", "1"),
        ("side * fee end;", "0 end;"),
        ("covered := least(p_covered, back);", "covered := 0;"),
        ("p_payment.reversed_minor, fee_given_back(p_payment))", "0, 0)"),
        guards=1,
    ),
    *on(
        "function ledger.deposit_legs_reversed",
        (*AFTERMATH, *REVERSALS),
        (
            "fee end,\n        available(p_payment.customer_account_id));",
            "fee end,\n        p_payment.minor);",
        ),
        (
            "own := least(entitled - case when by_merchant then 0 else fee end,",
            "own := least(p_payment.minor,",
        ),
        ("and (hold.state = 'held' or refund.status = 'completed')", ""),
        ("(hold.state = 'held' or refund.status = 'completed')", "hold.state = 'held'"),
        ("(hold.state = 'held' or refund.status = 'completed')", "refund.status = 'completed'"),
        ("sum(refund.minor - refund.reversed_minor)", "sum(refund.minor)"),
        ("select p_payment.reversed_minor + coalesce", "select coalesce"),
        ("+ coalesce(sum(refund.fee_minor - fee_given_back(refund)), 0)", ""),
        ("fee_given_back(p_payment)\n", "0\n"),
        guards=2,
    ),
    *on(
        "function ledger.fee_given_back",
        REVERSALS,
        ("and tx.kind in ('reversal', 'reinstatement')", "and tx.kind = 'reversal'"),
    ),
    *on(
        "function ledger.losses_of_reversals",
        REVERSALS,
        ("and tx.kind in ('reversal', 'reinstatement')", "and tx.kind = 'reversal'"),
    ),
    *on(
        "function ledger.available",
        AFTERMATH,
        ("- held -", "-"),
    ),
    *on(
        "function ledger.apply_post_settlement",
        AFTERMATH,
        ("if target.status <> 'completed' then", "if false then"),
        ("and rail = results[1].rail", ""),
    ),
]

UNASKED = [
    *on(
        "function ledger.receive",
        UNCLAIMED,
        ("if not found then", "if false then"),
        (
            "else 'suspense' end, done.payment_id::text",
            "else 'settlement' end, done.payment_id::text",
        ),
        ("if done.merchant_id <> 'house' then", "if true then"),
        guards=1,
    ),
    *on(
        "function ledger.charge",
        CHARGED,
        (
            "if exists (select from ledger_tx where kind = 'provider_fee'",
            "if exists (select from ledger_tx where false",
        ),
        (
            "row(costs, fee)::leg, row(provider, -fee)::leg",
            "row(costs, -fee)::leg, row(provider, fee)::leg",
        ),
        ("(p #>> '{charged,livemode}')::boolean", "false"),
        guards=1,
    ),
    *on(
        "function ledger.received_terms",
        UNCLAIMED,
        ("is distinct from (related.merchant_id, related.customer_id)", "is null"),
        ("done.merchant_account_id := related.merchant_account_id;", ""),
        ("case when related.payment_id is null then 0", "case when true then 0"),
    ),
    *on(
        "function ledger.received_doubt",
        UNCLAIMED,
        ("p_payment.fee_minor >= p_payment.minor", "p_payment.fee_minor > p_payment.minor"),
        ("when p_payment.merchant_id = 'house' then 'owner_unknown'", ""),
    ),
    *on(
        "function ledger.assign_received",
        UNCLAIMED,
        ("or target.merchant_id <> 'house'", ""),
        ("customer_account_id = owner_account,", ""),
    ),
    *on(
        "function ledger.refuse_new_terms",
        UNCLAIMED,
        ("or new.merchant_id = 'house'", ""),
        ("is distinct from\n", "is null and null is distinct from\n"),
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
        ("p_result.occurred_at >= p_before.updated_at", "true"),
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
        ("p_result.detail #>> '{dispute,withdrawn,currency}',", ""),
        ("p_result.detail #>> '{dispute,fee,currency}',", ""),
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
