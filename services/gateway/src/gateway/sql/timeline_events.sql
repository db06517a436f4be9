select event_seq, version, kind, from_status, to_status, disposition, detail, occurred_at
from ledger.payment_event
where payment_id = $1
order by event_seq
limit 1000
