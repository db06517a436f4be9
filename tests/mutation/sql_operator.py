"""Changes of what people decide: payments in review, corrections, holds."""

from tests.mutation.sql_mutant import books, on

_OPERATOR = f"{books('operator')[0]}::"
_DEPOSITS, _WITHDRAWALS, _REFUNDS = (
    (f"{_OPERATOR}{name}", books("operator_guards")[0])
    for name in ("TestDeposit", "TestWithdrawal", "TestRefund")
)
_DECISIONS = (f"{_OPERATOR}TestDecisions", books("operator_guards")[0])
_PLACED = (f"{_OPERATOR}TestHolds", books("operator_guards")[0])
_CORRECTED = (f"{_OPERATOR}TestCorrections", books("operator_guards")[0])
_ANY_CASE = (*_DEPOSITS[:1], *_WITHDRAWALS[:1], *_REFUNDS)

RESOLVED = [
    *on(
        "function ledger.refuse_new_amounts",
        _DECISIONS,
        ("is distinct from ('in_review', 'completed')", "is null"),
        ("is distinct from ('in_review', 'completed')", "= ('pending', 'completed')"),
    ),
    *on(
        "function ledger.check_signed",
        _DECISIONS,
        ("or coalesce(trim(p->>'reason'), '') = ''", ""),
        ("if coalesce(trim(p->>'operator'), '') = '' or", "if"),
    ),
    *on(
        "function ledger.check_available",
        (*_WITHDRAWALS[:1], *_PLACED),
        ("left_over < b.floor", "left_over <= b.floor"),
        ("left_over < b.floor", "false"),
        ("- b.held + p_freed;", "+ p_freed;"),
        ("- b.held + p_freed;", "- b.held;"),
        ("b.normal * (b.posted + p_change)", "b.normal * b.posted"),
    ),
    *on(
        "function ledger.completed_terms",
        _DEPOSITS,
        ("if p_suspended.currency <> p_payment.currency then", "if false then"),
        ("abs(p_suspended.amount)", "p_payment.minor"),
        ("if done.minor <= 0 then", "if done.minor < 0 then"),
        ("if done.minor <= 0 then", "if done.minor <= 1 then"),
        (
            "case when done.minor = p_payment.minor then p_payment.fee_minor end",
            "p_payment.fee_minor",
        ),
        ("(p_suspended.amount is null and done.provider_reference is null)", "false"),
        ("if done.fee_minor < 0 or", "if"),
        ("(p_payment.type <> 'withdrawal' and done.fee_minor > done.minor)", "false"),
        ("done.fee_minor > done.minor)", "done.fee_minor > done.minor + 1)"),
        ("done.fee_minor > done.minor)", "done.fee_minor >= done.minor)"),
        ("when p_payment.merchant_account_id is not null then done.minor\n", ""),
        ("else done.minor - done.fee_minor end", "else done.minor end"),
    ),
    *on(
        "function ledger.completed_terms",
        _WITHDRAWALS,
        ("abs(p_suspended.amount)", "-p_suspended.amount"),
        ("then done.minor + done.fee_minor", "then done.minor"),
        ("p_payment.type <> 'withdrawal' and done.fee_minor", "done.fee_minor"),
    ),
    *on(
        "function ledger.completed_terms",
        _REFUNDS,
        ("if p->>'fee' is not null then", "if false then"),
    ),
    *on(
        "function ledger.refund_terms",
        _REFUNDS,
        ("if p_held.state = 'held' then", "if false then"),
        ("if p_held.state = 'held' then", "if true then"),
        ("+ parent.disputed_minor\n", "\n"),
        ("> parent.minor then", ">= parent.minor then"),
        ("> parent.minor then", "> parent.minor + 1 then"),
        ("parent.refunded_minor + parent.refund_pending_minor", "parent.refunded_minor"),
        ("parent.refunded_minor + parent.refund_pending_minor", "parent.refund_pending_minor"),
    ),
    *on(
        "function ledger.resolution_legs",
        _ANY_CASE,
        (
            "case p_done.type when 'deposit' then p_done.minor else -p_done.minor end",
            "p_done.minor",
        ),
        (
            "case p_done.type when 'deposit' then -p_done.net_minor else p_done.net_minor end",
            "-p_done.net_minor",
        ),
        (
            "case p_done.type when 'deposit' then -p_done.net_minor else p_done.net_minor end",
            "case p_done.type when 'deposit' then -p_done.minor else p_done.net_minor end",
        ),
        (
            "case p_done.type when 'refund' then p_done.fee_minor else -p_done.fee_minor end",
            "-p_done.fee_minor",
        ),
        (
            "case p_done.type when 'refund' then -p_done.fee_minor else p_done.fee_minor end",
            "p_done.fee_minor",
        ),
        ("+ coalesce(p_suspended.amount, 0)", ""),
    ),
    *on(
        "function ledger.settle_parent",
        _REFUNDS,
        ("case when p_held.state = 'held' then p_before.minor else 0 end", "p_before.minor"),
        ("case when p_held.state = 'held' then p_before.minor else 0 end", "0"),
        ("then p_done.minor else 0 end", "then p_before.minor else 0 end"),
        ("case when p_done.status = 'completed' then p_done.minor else 0 end", "p_done.minor"),
    ),
    *on(
        "function ledger.claim_receipt",
        _DEPOSITS,
        ("if owner <> p_done.payment_id then", "if false then"),
        ("where method = p_done.rail and reference", "where reference"),
        ("where p_done.provider_reference is not null", "where false"),
    ),
    *on(
        "function ledger.finish_payment",
        _DEPOSITS,
        ("delete from unfinished where payment_id = p_done.payment_id;", ""),
        ("version = version + 1, updated_at", "updated_at"),
        ("provider_reference = p_done.provider_reference,", ""),
    ),
    *on(
        "function ledger.resolve",
        (*_WITHDRAWALS[:1], *_REFUNDS[:1], *_DECISIONS),
        (
            "where from_status = target.status and to_status = p->>'as') then",
            "where to_status = p->>'as') then",
        ),
        ("if done.status = 'completed' and target.type <> 'deposit' then", "if false then"),
        ("case when held.state = 'held' then held.amount else 0 end);", "0);"),
        ("case when held.state = 'held' then held.amount else 0 end);", "held.amount);"),
        ("least(held.amount, done.net_minor)", "held.amount"),
        ("least(held.amount, done.net_minor)", "done.net_minor"),
        (
            "when 'completed' then 'captured' else 'released' end",
            "when 'completed' then 'captured' else 'expired' end",
        ),
        ("perform own_suspense(target, suspended, p);", "null;"),
        ("perform settle_parent(target, done, held);", ""),
        ("order by payment_id for no key update;", "order by payment_id;"),
    ),
]

CORRECTED = [
    *on(
        "function ledger.correct",
        _CORRECTED,
        ("if correction_advice(wrong) is not null then", "if false then"),
        ("row(account_id, -amount)::leg order", "row(account_id, amount)::leg order"),
        (
            (
                "if exists (select from ledger_tx where kind = 'correction' "
                "and ref = wrong.tx_id::text) then"
            ),
            "if false then",
        ),
        (
            (
                "perform check_available(account_id, sum(amount), 0) "
                "from unnest(legs) group by account_id;"
            ),
            "",
        ),
    ),
    *on(
        "function ledger.correction_advice",
        _CORRECTED,
        (
            "p_tx.kind = 'resolution' and p_tx.payment_id is null then",
            "p_tx.kind = 'resolution' then",
        ),
        (
            "when p_tx.kind = 'suspense' then",
            "when p_tx.kind = 'suspense' then null when false then",
        ),
        (
            "when p_tx.kind in ('settlement', 'resolution')\n        then",
            "when p_tx.kind = 'settlement' then null when p_tx.kind = 'resolution' then",
        ),
        (
            "when p_tx.kind = 'correction' then",
            "when p_tx.kind = 'correction' then null when false then",
        ),
        ("('conversion', 'hold_capture') then null", "('conversion') then null"),
        ("('conversion', 'hold_capture') then null", "('hold_capture') then null"),
    ),
    *on(
        "function ledger.place_operator_hold",
        _PLACED,
        ("if wanted <= 0 or", "if wanted < 0 or"),
        ("(p->>'until')::timestamptz <= (p->>'at')::timestamptz then", "false then"),
        (
            "(p->>'until')::timestamptz <= (p->>'at')::timestamptz then",
            "(p->>'until')::timestamptz < (p->>'at')::timestamptz then",
        ),
        ("perform check_available(target, 0, -wanted);", ""),
        ("from (target, wanted, (p->>", "from (known.account_id, wanted, (p->>"),
        ("from (target, wanted, (p->>", "from (target, known.amount, (p->>"),
        (
            "from (target, wanted, (p->>'until')::timestamptz)",
            "from (target, wanted, known.expires_at)",
        ),
    ),
    *on(
        "function ledger.capture_hold",
        _PLACED,
        ("if taken <= 0 or", "if taken < 0 or"),
        ("or taken > held.amount then", "then"),
        ("or taken > held.amount then", "or taken >= held.amount then"),
        ("perform check_open(held.hold_id);", ""),
        ("coalesce((p->>'amount')::numeric, held.amount)", "held.amount"),
    ),
    *on(
        "function ledger.capture_at",
        _PLACED,
        (
            "row(p_held.account_id, p_taken)::leg, row(p_to, -p_taken)::leg",
            "row(p_held.account_id, -p_taken)::leg, row(p_to, p_taken)::leg",
        ),
    ),
    *on(
        "function ledger.release_hold",
        _PLACED,
        ("perform check_open(held.hold_id);", ""),
        ("'released', null", "'expired', null"),
    ),
    *on(
        "function ledger.operator_hold",
        _PLACED,
        (
            "where hold_key = 'operator:' || p_key",
            "where hold_key = p_key or hold_key like '%:' || p_key",
        ),
    ),
]
