"""The SQL of the attempt engine; `{schema}` is the worker's schema, a constant of its code."""

INGEST = """
insert into {schema}.attempt
    (attempt_id, payment_id, operation, state, maybe_sent, memory, request, trace,
     next_check_at, created_at)
select attempt_id, payment_id, operation, case when is_lost then 'sending' else 'ready' end,
       is_lost, (case when is_lost then '{{"restored": "yes"}}' else '{{}}' end)::jsonb, request,
       trace, now(), now()
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::jsonb[])
       as command (attempt_id, payment_id, operation, request, trace)
 cross join lateral (
     select coalesce((request->>'accepted_at')::timestamptz <= (
         select max(noted_at) from public.cift_restored), false) as is_lost
 ) restored
    on conflict do nothing
returning payment_id
"""
"""Insert new commands as attempts that are due at once; known commands change nothing. A command
that was accepted before the database was restored may have been sent (`database/restored.py`).

No conflict target: with one, a row that is updated at this moment can be missed by the check of
that index and then violate the other unique index, which is an error.
"""

REPUBLISH = """
insert into {schema}.outbox (topic, key, headers, body)
select case when operation in ('setup', 'detach') then $3 else $2 end,
       last_headers->>'ce_subject', last_headers, last_result
  from {schema}.attempt
 where payment_id = any ($1::uuid[]) and last_result is not null
"""
"""Republish the stored result of known commands; consumers deduplicate by the result's id."""

CANCEL_BEFORE_ARRIVAL = """
insert into {schema}.attempt (attempt_id, payment_id, state) values ($1, $2, 'done')
    on conflict do nothing
returning attempt_id, seq
"""

CANCEL_UNSENT = """
update {schema}.attempt
   set state = 'done', next_check_at = null, lease = lease + 1, lease_owner = null,
       updated_at = now()
 where payment_id = $1 and state = 'ready' and not maybe_sent
returning attempt_id, seq
"""
"""Cancel only an attempt that certainly was not sent; the higher lease fences a dispatcher."""

STORE_CANCEL_REQUEST = """
with open as (
    select attempt_id, state from {schema}.attempt
     where payment_id = $1 and state in ('ready', 'sending', 'waiting', 'unknown')
       for update
), wished as (
    insert into {schema}.notice
        (notice_id, attempt_id, purpose, sealed_body, source_listed, received_at)
    select $2::text, attempt_id, $3::smallint, $4::text, false, $5::timestamptz
      from open
        on conflict (notice_id) do nothing
    returning attempt_id
), touched as (
    update {schema}.attempt as held
       set next_check_at = case
               when held.lease_owner is null then least(held.next_check_at, now())
               else held.next_check_at
           end,
           -- the save of a query in progress detects that a request to cancel was stored
           updated_at = clock_timestamp()
      from wished
     where held.attempt_id = wished.attempt_id and held.state in ('waiting', 'unknown')
)
select true from open
"""
"""Store a request to cancel an attempt that may have been sent, and make the attempt due. No row:
the attempt has ended.

A request to cancel does not prove that the provider has the payment: an attempt in `ready` or
`sending` is sent, or sent again, before the provider gets the request to cancel it. A save that
runs at the same moment does not see the new request; the next query does.
"""

NEXT_CHECK = "select next_check_at from {schema}.attempt where payment_id = $1"

STORE_CANCELED_RESULT = """
update {schema}.attempt
   set seq = seq + 1, last_result = $2, last_headers = $3
 where attempt_id = $1
"""

CLAIM = """
with due as (
    select attempt_id, state, maybe_sent
      from {schema}.attempt
     where next_check_at <= now() and state = any ($1::text[])
     order by next_check_at
     limit $2
       for update skip locked
)
update {schema}.attempt as held
   set lease = held.lease + 1,
       lease_owner = $3,
       next_check_at = now() + $4::interval,
       state = case when due.state = 'ready' then 'sending' else held.state end,
       maybe_sent = held.maybe_sent or due.state = 'sending',
       submits = held.submits + (due.state in ('ready', 'sending'))::integer,
       updated_at = now()
  from due
 where held.attempt_id = due.attempt_id
returning held.*, due.state as state_before, now() - held.created_at as age
"""
"""Claim due attempts. A claim is a lease: if its holder crashes, the row becomes due again."""

RELEASE_OWN = """
update {schema}.attempt
   set next_check_at = now(), lease_owner = null
 where split_part(lease_owner, '/', 1) = $1
"""
"""Release the claims of an earlier run of this instance: due now, not when the lease expires."""

RELEASE_LOST = """
update {schema}.attempt
   set next_check_at = now(), lease_owner = null,
       state = case when state = 'sending' and not maybe_sent then 'ready' else state end
 where lease_owner = $1 and state = any ($2::text[]) and attempt_id <> all ($3::uuid[])
"""
"""Release claims that were stored but whose reply was lost: no task began to work on them, so
nothing was sent. An attempt that this process works on, or whose decision it could not store, keeps
its lease.
"""

NEXT_DUE = """
select extract(epoch from min(next_check_at) - now())::float8
  from {schema}.attempt
 where next_check_at is not null and state = any ($1::text[])
"""

SAVE = """
with input as (
    select decision.*,
           exists (select from {schema}.notice
                    where notice.attempt_id = decision.attempt_id
                      and notice.handled_at is null
                      and notice.notice_id <> all ($15::text[])
                      -- a request to cancel does not prove that the provider has the payment
                      and (decision.state <> 'ready' or notice.purpose is distinct from -2)
                   ) as unseen
      from unnest($1::uuid[], $2::bigint[], $3::text[], $4::float8[], $5::jsonb[], $6::text[],
                  $7::boolean[], $8::boolean[], $9::text[], $10::jsonb[], $11::bytea[],
                  $12::boolean[], $14::text[], $16::timestamptz[], $17::integer[])
           with ordinality
           as decision (attempt_id, lease, state, check_after_s, memory, fingerprint,
                        maybe_sent, checked, key, headers, body, tells_state, topic, touched_at,
                        result_seq, place)
), locked as (
    -- lock in the same order as the statements for notices: this prevents deadlocks
    select attempt_id from {schema}.attempt
     where attempt_id = any ($1::uuid[]) order by attempt_id for update
), moved as (
    update {schema}.attempt as held
       -- a provider that sends a notice has the request: query it, don't send it again
       set state = case
               when input.state = 'ready' and input.maybe_sent
                    and (input.unseen or held.lease_owner is not null
                         and held.updated_at <> input.touched_at)
               then 'unknown'
               else input.state
           end,
           memory = held.memory || input.memory,
           fingerprint = coalesce(held.fingerprint, input.fingerprint),
           maybe_sent = input.maybe_sent,
           checks = held.checks + input.checked::integer,
           -- not `seq + 1`: this save is repeated if the reply to its commit was lost
           seq = coalesce(input.result_seq, held.seq),
           last_result = case when input.tells_state then input.body else held.last_result end,
           last_headers = case when input.tells_state then input.headers else held.last_headers end,
           -- a notice that was stored while the attempt was claimed makes it due. A notice whose
           -- transaction is not committed yet can't be seen, but it has changed `updated_at`. (If
           -- the row has no owner, an earlier try of this same save changed `updated_at`.)
           next_check_at = case
               when (input.state <> 'ready' or input.maybe_sent)
                    and (input.unseen or held.lease_owner is not null
                         and held.updated_at <> input.touched_at)
               then now()
               else now() + make_interval(secs => input.check_after_s)
           end,
           lease_owner = null,
           updated_at = now()
      from input join locked using (attempt_id)
     where held.attempt_id = input.attempt_id and held.lease = input.lease
    returning held.attempt_id
), late as (
    -- another process holds the lease now: add the provider's data where the row has none, decide
    -- nothing. A claimed row keeps its lease (the save of its holder detects the change): if it
    -- were made due here, it would be claimed again, its holder would lose the lease, and so on
    update {schema}.attempt as held
       set memory = input.memory || held.memory,
           fingerprint = coalesce(held.fingerprint, input.fingerprint),
           next_check_at = case
               when held.lease_owner is null then least(held.next_check_at, now())
               else held.next_check_at
           end,
           updated_at = now()
      from input
     where held.attempt_id = input.attempt_id and held.lease <> input.lease
       and input.memory <> '{{}}'::jsonb
), taken as (
    update {schema}.notice
       set handled_at = now()
     where notice_id = any ($13::text[]) and attempt_id in (select attempt_id from moved)
), queued as (
    insert into {schema}.outbox (topic, key, headers, body)
    select input.topic, input.key, input.headers, input.body
      from input join moved using (attempt_id)
     where input.body is not null
     order by input.place
)
select attempt_id from moved
"""
"""Store decisions and results, mark used notices as handled: one statement, one commit."""

STORE_NOTICES = """
with input as (
    select *
      from unnest($1::text[], $2::uuid[], $3::smallint[], $4::text[], $5::boolean[],
                  $6::timestamptz[], $7::text[])
           as notice (notice_id, attempt_id, purpose, sealed_body, source_listed, received_at,
                      fingerprint)
), placed as (
    select input.*, coalesce(input.attempt_id, held.attempt_id) as found_id
      from input left join {schema}.attempt as held on held.fingerprint = input.fingerprint
), fresh as (
    insert into {schema}.notice
        (notice_id, attempt_id, purpose, sealed_body, source_listed, received_at)
    select notice_id, found_id, purpose, sealed_body, source_listed, received_at from placed
        on conflict (notice_id) do nothing
    returning attempt_id
)
select distinct attempt_id from fresh where attempt_id is not null
"""

MAKE_DUE = """
with locked as (
    select attempt_id from {schema}.attempt
     where attempt_id = any ($1::uuid[]) order by attempt_id for update
)
update {schema}.attempt as held
   set next_check_at = case when lease_owner is null then now() else next_check_at end,
       state = case when lease_owner is null and state = 'ready' then 'unknown' else state end,
       updated_at = clock_timestamp()
  from locked
 where held.attempt_id = locked.attempt_id
   and request is not null and (state <> 'ready' or maybe_sent)
returning lease_owner is null as is_due
"""
"""Make attempts with a new notice due for a query, even one that was to be sent again: a provider
that sends a notice has the request. A claimed attempt stays leased: its save detects the notice, or
that the row was changed.
"""

VERIFY = """
with asked as (
    select attempt_id from {schema}.attempt
     where payment_id = $1 and state in ('waiting', 'unknown', 'review')
       for update
), kept as (
    insert into {schema}.notice
        (notice_id, attempt_id, purpose, sealed_body, source_listed, received_at)
    select $2::text, attempt_id, $3::smallint, $4::text, false, $5::timestamptz
      from asked where $4::text is not null
        on conflict (notice_id) do nothing
)
update {schema}.attempt as held
   set next_check_at = case
           when held.lease_owner is null then least(held.next_check_at, now())
           else held.next_check_at
       end,
       -- the save of a query in progress detects that a reference was stored
       updated_at = case when $4::text is null then held.updated_at else clock_timestamp() end
  from asked
 where held.attempt_id = asked.attempt_id
returning held.lease_owner is null as is_due
"""
"""Make a payment's attempt due for a query, and store the reference that the API caller sent.

An attempt in `ready` or `sending` is not changed: the caller's request does not prove that the
provider has the payment. A request without a reference is answered by a query in progress, if there
is one.
"""

OPEN_NOTICES = """
select notice_id, attempt_id, purpose, sealed_body, source_listed, received_at
  from (
    select *, row_number() over (partition by attempt_id order by received_at, notice_id) as place
      from {schema}.notice
     where attempt_id = any ($1::uuid[]) and handled_at is null
  ) as open
 where place <= $2
 order by received_at, notice_id
"""
"""The oldest notices of each attempt, up to a limit; with more notices, it is due again at once."""

COUNT_OPEN = "select state, count(*) from {schema}.attempt where state <> 'done' group by state"
