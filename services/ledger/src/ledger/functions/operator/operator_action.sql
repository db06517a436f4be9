-- revision: 2 a1c9735de7499b62
-- Which operator decided what, when and why; append-only, like the inputs.
create or replace view ledger.operator_action as
select position, kind as action, input->>'operator' as operator, input->>'reason' as reason,
    input, (input->>'at')::timestamptz as at
from ledger.input
where input->>'operator' is not null;

grant select on ledger.operator_action to cift_operator, cift_ledger;
