-- revision: 1 ae45c53fd7ec5579
-- Who decided what, when and why: append-only, as the inputs are.
create or replace view ledger.operator_action as
select position, kind as action, input->>'operator' as operator, input->>'reason' as reason,
    input, (input->>'at')::timestamptz as at
from ledger.input
where input->>'operator' is not null;

grant select on ledger.operator_action to cift_operator, cift_ledger;
