-- What is applied without a new status (a dispute, a late reference) is no change of state; evidence
-- that contradicts itself is one, when it leads to in_review. Every change has a version of its own.
-- A client that has a later version than there is saw a database that was restored since: it gets the
-- newest change, whatever it had.
with change as (
    select version, to_status, occurred_at
    from ledger.payment_event
    where payment_id = $1 and to_status is not null and to_status is distinct from from_status
),
newest as (
    select max(version) as version from change
)
select change.version, change.to_status, change.occurred_at
from change, newest
where change.version > $2::bigint
   or (newest.version < $2::bigint and change.version = newest.version)
order by change.version
