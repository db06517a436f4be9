"""Changes of the journal, of holds and of acceptance."""

from tests.mutation.sql_mutant import (
    ACCEPTANCE,
    AFTERMATH,
    ALL,
    DISPUTES,
    GUARDS,
    HOLDS,
    POSTING,
    REVERSALS,
    SHARES,
    books,
    guarded,
    on,
)

JOURNAL = [
    *on(
        "function ledger.check_entries",
        guarded("TestTheSumOfATransaction"),
        ("having sum(amount) <> 0", "having sum(amount) > 0"),
        ("having sum(amount) <> 0", "having sum(amount) < 0"),
        ("group by tx_id, currency having", "group by tx_id having"),
        ("group by tx_id, currency having", "group by currency having"),
        guards=ALL,
    ),
    *on(
        "function ledger.check_entries",
        books("guards"),
        ("a.currency = used.currency", "true"),
        ("where a.account_id is null", "where false"),
    ),
    *on(
        "trigger entry_balanced",
        guarded("TestTheSumOfATransaction"),
        ("after insert on ledger.entry", "after insert on ledger.receipt"),
    ),
    *on(
        "function ledger.check_transactions",
        books("guards"),
        ("< 2", "< 0"),
    ),
    *on(
        "function ledger.write_entries",
        POSTING,
        ("b.posted + sum(line.amount) over account_so_far", "b.posted + line.amount"),
        ("b.version + row_number() over account_so_far", "b.version + 1"),
        ("set posted = b.posted + total.amount", "set posted = b.posted - total.amount"),
        ("set posted = b.posted + total.amount", "set posted = total.amount"),
        ("version = b.version + total.entries", "version = b.version + 1"),
    ),
    *on(
        "function ledger.write_transaction",
        AFTERMATH,
        ("p_position * 8 + p_k", "p_position * 8"),
    ),
]

HELD = [
    *on(
        "function ledger.set_aside",
        (*HOLDS, *GUARDS),
        ("set held = held + p_amount", "set held = held"),
        ("normal * posted - held - p_amount >= floor", "normal * posted - held - p_amount > floor"),
        ("normal * posted - held - p_amount >= floor", "normal * posted - p_amount >= floor"),
        ("normal * posted - held - p_amount >= floor", "normal * posted - held >= floor"),
        ("normal * posted - held - p_amount >= floor", "true"),
        ("if not found then", "if false then"),
    ),
    *on(
        "function ledger.hold_funds",
        HOLDS,
        ("p_amount <= 0", "p_amount < 0"),
        ("p_expires_at <= p_at", "p_expires_at < p_at"),
        ("perform set_aside(p_account_id, p_amount);", ""),
        (
            "is distinct from (p_account_id, p_amount)",
            "is distinct from (p_account_id, known.amount)",
        ),
    ),
    *on(
        "function ledger.end_hold",
        (*HOLDS, *DISPUTES),
        ("set held = held - ended.amount", "set held = held"),
        ("captured = p_captured", "captured = amount"),
    ),
    *on(
        "function ledger.expire_holds",
        HOLDS,
        ("expires_at <= p_now and account_id", "account_id"),
    ),
    *on(
        "table ledger.hold",
        HOLDS,
        ("check (captured between 0 and amount)", ""),
    ),
    *on(
        "function ledger.refuse_second_end",
        books("guards", "holds"),
        ("if old.state <> 'held' then", "if false then"),
    ),
    *on(
        "table ledger.balance",
        books("guards"),
        ("check (held >= 0)", "check (held >= -1000000)"),
        ("check (floor is null or normal * posted - held >= floor)", "check (true)"),
    ),
]

ACCEPTED = [
    *on(
        "function ledger.accept_payment",
        ACCEPTANCE,
        ("if new_payment.type = 'withdrawal' then", "if false then"),
        ("new_payment.net_minor);", "new_payment.minor);"),
        ("not in ('deposit', 'withdrawal')", "not in ('deposit', 'withdrawal', 'refund')"),
    ),
    *on(
        "function ledger.store_payments",
        (*ACCEPTANCE, *books("posting")),
        ("where p.type <> 'deposit'", "where false"),
        (
            "select p.payment_id, p.customer_account_id, p.net_minor,",
            "select p.payment_id, p.customer_account_id, p.minor,",
        ),
    ),
    *on(
        "function ledger.accept_deposits",
        ("tests/integration/gateway/test_groups.py",),
        (
            "'merchant_account_id', case p->>'fee_bearer' when 'merchant' then",
            "'merchant_account_id', case p->>'fee_bearer' when 'customer' then",
        ),
        ("customer_account(p, named.currency)))", "null))"),
        ("'fees_account_id', house_account(", "'provider_account_id', house_account("),
    ),
    *on(
        "function ledger.accept_each",
        ("tests/integration/gateway/test_groups.py",),
        ("when is_locked[n] then", "when not is_locked[n] then"),
        ("where p->>'type' = 'deposit' order by n", "order by n"),
    ),
    *on(
        "function ledger.refund_fee_share",
        SHARES,
        ("+ p_parent.minor,", ","),
        ("+ p_parent.minor,", "+ 2 * p_parent.minor - 1,"),
        ("select least(p_minor, greatest(0,", "select least(p_parent.fee_minor, greatest(0,"),
        ("select least(p_minor, greatest(0,", "select least(p_minor, greatest(-1000,"),
        ("(p_parent.refunded_minor + p_parent.refund_pending_minor", "(p_parent.refunded_minor"),
        (
            "(p_parent.refunded_minor + p_parent.refund_pending_minor",
            "(p_parent.refund_pending_minor",
        ),
        ("hold.state = 'held' or refund.status = 'completed'", "refund.status = 'completed'"),
        ("hold.state = 'held' or refund.status = 'completed'", "hold.state = 'held'"),
        ("hold.state = 'held' or refund.status = 'completed'", "true"),
        ("- coalesce(sum(refund.fee_minor - fee_given_back(refund)), 0)", ""),
        guards=4,
    ),
    *on(
        "function ledger.refund_fee_share",
        (*AFTERMATH, *REVERSALS),
        ("sum(refund.fee_minor - fee_given_back(refund))", "sum(refund.fee_minor)"),
        ("\n        - fee_given_back(p_parent)))", "))"),
        ("+ p_parent.reversed_minor + p_minor)", "+ p_minor)"),
    ),
    *on(
        "function ledger.accept_refund",
        guarded("test_a_refund_in_another_currency_or_method_is_refused"),
        ("or parent.currency <> refund.currency", ""),
        ("parent.rail <> coalesce(refund.rail, refund.method) or", "false or"),
        guards=ALL,
    ),
    *on(
        "function ledger.accept_refund",
        (*ACCEPTANCE, *AFTERMATH, *DISPUTES),
        ("+ parent.disputed_minor\n", "\n"),
        ("parent.status <> 'completed'", "false"),
        ("parent.type <> 'deposit'", "false"),
        ("and merchant_id = refund.merchant_id", ""),
        ("and livemode = refund.livemode", ""),
        ("> parent.minor then", ">= parent.minor then"),
        ("> parent.minor then", "> parent.minor + 1 then"),
        (
            "set refund_pending_minor = refund_pending_minor + refund.minor",
            "set refund_pending_minor = refund_pending_minor",
        ),
        ("perform set_aside(refund.customer_account_id, refund.net_minor);", ""),
        (
            "when refund.merchant_account_id is null then refund.fee_minor else 0 end",
            "when true then refund.fee_minor else 0 end",
        ),
    ),
    *on(
        "function ledger.accept_refund",
        (*AFTERMATH, *REVERSALS),
        ("or parent.reversed_minor = parent.minor", ""),
        ("+ parent.reversed_minor + refund.minor", "+ refund.minor"),
        guards=ALL,
    ),
    *on(
        "function ledger.request_cancel_2",
        ACCEPTANCE,
        ("target.status <> 'pending'", "target.status in ('completed')"),
        ("not (p_after_submit and ", "not ("),
        ("and merchant_id = p_merchant_id", ""),
    ),
]
