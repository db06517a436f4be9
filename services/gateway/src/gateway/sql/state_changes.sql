-- What is applied without a new status (a dispute, a late reference) is no change of state; evidence
-- that contradicts itself is one, when it leads to in_review.
select event_seq, version, to_status, occurred_at
from ledger.payment_event
where payment_id = $1 and event_seq > $2
  and to_status is not null and to_status is distinct from from_status
order by event_seq
