-- The status changes of a payment after version $2. An event that is applied without a new status
-- (a dispute, a late provider reference) is not a status change. A contradicting result is one if
-- it moves the payment to in_review. Every status change has its own version.
--
-- If the client has a higher version than exists, the database was restored from a backup since
-- then: return the newest change.
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
