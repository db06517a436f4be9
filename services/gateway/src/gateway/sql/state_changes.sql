select event_seq, version, to_status, occurred_at
from ledger.payment_event
where payment_id = $1 and event_seq > $2
  and disposition = 'applied' and to_status is distinct from from_status
order by event_seq
