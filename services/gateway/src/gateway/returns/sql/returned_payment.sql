select payment_id, rail, status, return_url
from ledger.payment
where payment_id = $1
