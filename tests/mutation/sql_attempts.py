"""Changes of the attempt engine's queries."""

from tests.mutation.sql_mutant import ALL, CLAIMS, on

RESTORED = ("tests/integration/cift_shared/test_restored.py",)

ATTEMPTS = [
    *on(
        "query INGEST",
        RESTORED,
        ("case when is_lost then 'sending' else 'ready' end", "'ready'"),
        ("""'{{"restored": "yes"}}'""", "'{{}}'"),
        ("<= (\n", ">= (\n"),
    ),
    *on("query CANCEL_UNSENT", CLAIMS, ("and not maybe_sent", ""), guards=ALL),
    *on(
        "query CANCEL_UNSENT",
        CLAIMS,
        ("and state = 'ready'", ""),
        ("lease = lease + 1,", ""),
    ),
    *on(
        "query CLAIM",
        CLAIMS,
        ("for update skip locked", ""),
        ("for update skip locked", "for update"),
        guards=ALL,
    ),
    *on(
        "query CLAIM",
        CLAIMS,
        ("set lease = held.lease + 1", "set lease = held.lease"),
        ("where next_check_at <= now() and state", "where state"),
        ("held.maybe_sent or due.state = 'sending'", "held.maybe_sent"),
        ("case when due.state = 'ready' then 'sending' else held.state end", "held.state"),
        ("held.submits + (due.state in ('ready', 'sending'))::integer", "held.submits"),
        ("order by next_check_at", "order by next_check_at desc"),
        ("next_check_at = now() + $4::interval", "next_check_at = now()"),
    ),
    *on(
        "query SAVE",
        CLAIMS,
        ("when input.state = 'ready' and input.maybe_sent\n", "when false and input.maybe_sent\n"),
        (
            "and held.updated_at <> input.touched_at)\n               then 'unknown'",
            "and held.updated_at <> input.touched_at)\n               then input.state",
        ),
        ("and notice.notice_id <> all ($15::text[])", ""),
        ("where notice.attempt_id = decision.attempt_id\n                      and", "where"),
        guards=ALL,
    ),
    *on(
        "query SAVE",
        (*CLAIMS, "tests/integration/cift_shared/test_attempts.py"),
        ("and held.lease = input.lease", ""),
        ("maybe_sent = input.maybe_sent,", ""),
        ("seq = coalesce(input.result_seq, held.seq)", "seq = held.seq"),
        ("lease_owner = null,", ""),
        ("set handled_at = now()", "set handled_at = null"),
    ),
    *on(
        "query MAKE_DUE",
        CLAIMS,
        (
            "and state = 'ready' then 'unknown' else state end",
            "and state = 'ready' then state else state end",
        ),
        ("and (state <> 'ready' or maybe_sent)", ""),
        guards=ALL,
    ),
    *on(
        "query VERIFY",
        ("tests/integration/cift_shared/test_verify.py",),
        ("state in ('waiting', 'unknown', 'review')", "state <> 'done'"),
        ("state in ('waiting', 'unknown', 'review')", "state in ('waiting', 'unknown')"),
        ("where payment_id = $1 and state", "where state"),
        ("when held.lease_owner is null then least", "when true then least"),
        ("then held.updated_at else clock_timestamp() end", "then held.updated_at end"),
        ("from asked where $4::text is not null\n", "from asked\n"),
    ),
]
