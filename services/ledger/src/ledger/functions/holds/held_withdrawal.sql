-- revision: 1 9049af18d5ced99a
-- The withdrawals as they were accepted, and whether the customer's money is set aside for each now.
-- `sealed` is the recipient's address, encrypted.
create or replace view ledger.held_withdrawal as
select p.payment_id, p.rail, p.minor, p.currency, p.instrument->>'sealed' as sealed,
    p.status in ('pending', 'processing', 'requires_action') and exists (
        select from ledger.hold h where h.payment_id = p.payment_id and h.state = 'held') as is_held
from ledger.payment p
where p.type = 'withdrawal';

grant select on ledger.held_withdrawal to cift_ledger_holds;
