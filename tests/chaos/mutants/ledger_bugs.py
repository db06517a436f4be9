"""Bugs in the ledger."""

from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import GATEWAY, LEDGER, Edit

TABLES, FUNCTIONS = f"{LEDGER}/migrations", f"{LEDGER}/functions"

_NO_RESULT_DEDUPE = (
    Edit(
        f"{FUNCTIONS}/posting/rank_results.sql",
        "or b.result_id = any (stored)",
        "or false",
    ),
    Edit(f"{TABLES}/0004_payments.sql", "result_id   text unique,", "result_id   text,"),
)

MUTANTS = (
    Mutant(
        "result-dedupe",
        "a result that comes again is taken in again",
        "results_told_twice",
        ("results_count_once",),
        _NO_RESULT_DEDUPE,
    ),
    Mutant(
        "stale-regresses",
        "an old result moves a payment back",
        "ledger_sees_a_life_twice",
        ("histories_are_paths",),
        (
            *_NO_RESULT_DEDUPE,
            Edit(
                f"{FUNCTIONS}/posting/decide_results.sql",
                "when overtaken or not is_open then 'stale'",
                "when false then 'stale'",
            ),
            Edit(
                f"{TABLES}/0004_payments.sql",
                "    ('canceled', 'in_review');",
                "    ('canceled', 'in_review'),\n    ('completed', 'requires_action');",
            ),
        ),
    ),
    Mutant(
        "fee-not-taken",
        "the customer is credited the whole amount",
        "plain_deposit",
        ("settlements_follow_the_book",),
        (
            Edit(
                f"{FUNCTIONS}/posting/lines_of.sql",
                "case v.type when 'deposit' then -v.net_minor else v.net_minor end),",
                "case v.type when 'deposit' then -v.minor else v.net_minor end),",
            ),
            Edit(
                f"{FUNCTIONS}/posting/lines_of.sql",
                "(3, v.fees_account_id, case v.type when 'refund' then v.fee_minor"
                " else -v.fee_minor end),",
                "(3, v.fees_account_id, case v.type when 'refund' then v.fee_minor"
                " when 'deposit' then 0 else -v.fee_minor end),",
            ),
        ),
    ),
    Mutant(
        "provider-fee-lost",
        "what the provider charges is not booked",
        "plain_payout",
        ("providers_hold_what_the_books_say",),
        (
            Edit(
                f"{FUNCTIONS}/posting/decide_results.sql",
                "fee_believed and new_fee and provider_fee > 0,",
                "false,",
            ),
        ),
    ),
    Mutant(
        "hold-not-subtracted",
        "held money counts as available",
        "spend_twice",
        ("nobody_is_overdrawn",),
        (
            Edit(
                f"{FUNCTIONS}/holds/set_aside.sql",
                "normal * posted - held - p_amount >= floor",
                "normal * posted - p_amount >= floor",
            ),
            Edit(
                f"{TABLES}/0003_accounts.sql",
                "check (floor is null or normal * posted - held >= floor)",
                "check (floor is null or normal * posted >= floor)",
            ),
        ),
    ),
    Mutant(
        "hold-never-released",
        "the hold of a failed payout stays",
        "payout_fails_beside_another",
        ("holds_follow_payments",),
        (
            Edit(
                f"{FUNCTIONS}/posting/end_holds.sql",
                "          and v.to_status in ('completed', 'failed', 'expired', 'canceled')\n"
                "          and hold.payment_id = v.payment_id",
                "          and v.to_status = 'completed'\n"
                "          and hold.payment_id = v.payment_id",
            ),
        ),
    ),
    Mutant(
        "hold-released-twice",
        "a hold that ends frees its amount twice",
        "payout_fails_beside_another",
        ("held_is_open_holds",),
        (
            Edit(
                f"{FUNCTIONS}/posting/end_holds.sql",
                "set held = balance.held - total.amount",
                "set held = balance.held - 2 * total.amount",
            ),
        ),
    ),
    Mutant(
        "refunds-unlimited",
        "more is refunded than came in",
        "refunds_of_more",
        ("refunds_stay_within",),
        (
            Edit(
                f"{FUNCTIONS}/acceptance/accept_refund.sql",
                "    if parent.refunded_minor + parent.refund_pending_minor"
                " + parent.disputed_minor\n"
                "       + parent.reversed_minor + refund.minor > parent.minor then",
                "    if false then",
            ),
            Edit(
                f"{TABLES}/0004_payments.sql",
                "    constraint payment_refunds_within_captured check (\n"
                "        refunded_minor + refund_pending_minor <= minor),\n",
                "",
            ),
            Edit(
                f"{GATEWAY}/payments/commands.py",
                "    if left <= 0:\n",
                "    if left < -(10**9):\n",
            ),
            Edit(
                f"{GATEWAY}/payments/commands.py",
                "    if amount.minor > left:\n",
                "    if amount.minor > left + 10**9:\n",
            ),
        ),
    ),
)
