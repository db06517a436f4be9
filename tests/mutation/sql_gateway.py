"""Changes of the gateway's statements: idempotency, quotes, saved methods, notices."""

from tests.mutation.sql_mutant import on


def _gateway(name: str, *tests: str) -> tuple[str, ...]:
    path = f"tests/integration/gateway/test_{name}.py"
    return tuple(f"{path}::{test}" for test in tests) if tests else (path,)


_REPEATS = _gateway("idempotency")
_OTHERS = _gateway(
    "access", "test_another_merchants_things_do_not_exist", "test_the_modes_share_nothing"
)
_CARDS = _gateway("saved_cards")
_METHODS = _gateway("methods")
_OWNED = (*_gateway("statement_guards"), *_OTHERS)
_SAME_KEY = "where merchant_id = $1 and livemode = $2 and route = $3 and key_digest = $4"

GATEWAY = [
    *on(
        "statement idempotency/accept",
        (*_REPEATS, *_gateway("refusals", "test_a_refused_request_leaves_nothing_but_its_key")),
        ("where held and is_stored is null", "where is_stored is null"),
        ("where known.merchant_id = latch.merchant_id and", "where"),
        ("and known.livemode = latch.livemode\n", "\n"),
        ("and known.route = latch.route and", "and"),
        ("is not null and refusal is null", "is not null"),
        ("coalesce(refusal, reply || terms),\n", "coalesce(refusal, reply),\n"),
        ("case when refusal is null then resource_id end", "resource_id"),
    ),
    *on(
        "statement idempotency/accept",
        _gateway("groups"),
        ("where topic is not null and refusal is null\n    order by n", "where topic is not null"),
        ("order by latch.n", "order by latch.n desc"),
    ),
    *on(
        "statement idempotency/stored_reply",
        (*_OWNED[:1], *_REPEATS),
        (_SAME_KEY, "where livemode = $2 and route = $3 and key_digest = $4 and $1::text <> ''"),
        (
            _SAME_KEY,
            "where merchant_id = $1 and route = $3 and key_digest = $4 and $2::boolean is not null",
        ),
        (
            _SAME_KEY,
            "where merchant_id = $1 and livemode = $2 and key_digest = $4 and $3::text <> ''",
        ),
    ),
    *on(
        "statement idempotency/refuse",
        _gateway("refusals"),
        ("from latch where held", "from latch"),
        (
            "on conflict do nothing",
            (
                "on conflict (merchant_id, livemode, route, key_digest) do update "
                "set reply = excluded.reply, status = excluded.status"
            ),
        ),
    ),
    *on(
        "statement idempotency/delete_old_keys",
        _REPEATS,
        ("where expires_at < $1", "where $1::timestamptz is not null"),
        ("where expires_at < $1", "where created_at < $1"),
    ),
    *on(
        "statement quotes/delete_old_quotes",
        _gateway("quotes"),
        ("where expires_at < $1", "where $1::timestamptz is not null"),
        ("where expires_at < $1", "where created_at < $1"),
    ),
    *on(
        "statement quotes/quote",
        _OWNED,
        ("and merchant_id = $2 and", "and $2::text <> '' and"),
        ("and livemode = $3", "and $3::boolean is not null"),
    ),
    *on(
        "statement payments/payment",
        _OWNED,
        ("and merchant_id = $2 and", "and $2::text <> '' and"),
        ("and livemode = $3", "and $3::boolean is not null"),
    ),
    *on(
        "statement payment_methods/saved_method",
        (*_OWNED, *_METHODS),
        ("and merchant_id = $2 and", "and $2::text <> '' and"),
        ("and livemode = $3", "and $3::boolean is not null"),
        ("and state <> 'detached'", ""),
    ),
    *on(
        "statement payment_methods/verify_method",
        _gateway("statement_guards"),
        ("and payment.status = 'completed'\n", "\n"),
        ("and payment.type = 'deposit'\n", "\n"),
        ("and payment.instrument ->> 'sealed' = saved.sealed", ""),
    ),
    *on(
        "statement payment_methods/save_here",
        _METHODS,
        ("do update set country = excluded.country", "do update set payment_method_id = $1"),
    ),
    *on(
        "statement payments/cancel",
        _gateway("payments", "TestCancel"),
        ("where status is not null", "where false"),
    ),
    *on(
        "statement payment_methods/save_at_provider",
        _CARDS,
        ("given.state", "'active'"),
        ("given.customer_id", "'c_nobody'"),
    ),
    *on(
        "statement payment_methods/detach",
        _CARDS,
        ("      and state = $5\n", ""),
        ("from detached where $6::text is not null", "from detached where false"),
        ("set state = 'detached', detached_at", "set detached_at"),
    ),
    *on(
        "statement payment_methods/apply_method_result",
        _CARDS,
        ("and seq < $4::integer)", "and seq <= $4::integer)"),
        ("(attempt_id = $3::uuid and seq", "(seq"),
        (
            "case when fits.was = 'detached' or $2 = 'detached' then",
            "case when $2 = 'detached' then",
        ),
        ("and not saved.kept_here and fits.is_new", "and not saved.kept_here"),
        ("from changed where changed.state = 'detached' and $12", "from changed where $12"),
        (
            "        sealed = case when $2 = 'detached' then null else",
            "        sealed = case when false then null else",
        ),
    ),
    *on(
        "statement payments/verify",
        _gateway("verify"),
        ("where excluded.requested_at not between", "where excluded.requested_at between"),
        ("+ $4::interval", "- $4::interval"),
        (
            "select $5, $6, $7::jsonb, $8::bytea from accepted",
            "select $5, $6, $7::jsonb, $8::bytea",
        ),
    ),
    *on(
        "statement payment_options/save_statuses",
        _gateway("payment_options"),
        ("where known.reported_at < excluded.reported_at", ""),
        ("least(reported_at, $6::timestamptz)", "reported_at"),
        ("known.reason is not distinct from excluded.reason\n             and", ""),
        ("then known.since", "then excluded.seen_at"),
    ),
    *on(
        "statement payment_options/save_statuses",
        _gateway("network_fees"),
        ("    network_fees = excluded.network_fees,\n", ""),
    ),
    *on(
        "statement webhooks/take_notice",
        _gateway("webhooks"),
        ("where known.disposition = 'quarantined' and excluded.disposition = 'published'", ""),
        ("where seen.disposition = 'published'", ""),
        ("where known.disposition = 'quarantined' and", "where false and"),
    ),
    *on(
        "statement webhooks/delete_old_notices",
        _gateway("statement_guards"),
        ("and disposition = 'published'", ""),
        ("where received_at < $1 and", "where"),
    ),
    *on(
        "statement customers/balances",
        (*_gateway("reads"), *_OTHERS),
        ("where account.tenant = $1 and", "where $1::text <> '' and"),
    ),
]
