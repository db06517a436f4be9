-- A payment may be completed by another amount than it asked for.
--
-- amount_policy    exact: another amount goes to suspense and review; as_received: the amount that
--                  arrived is credited, with the fee that its pricing gives for it. Fixed at
--                  acceptance; payments from before are exact.
-- requested_minor  the amount of the acceptance, where the payment was completed with another one

set local role cift_ledger_owner;

alter table ledger.payment
    add column amount_policy text not null default 'exact',
    add column requested_minor numeric(38, 0);

-- not valid: without a scan of the table; the rows that exist have the defaults
alter table ledger.payment
    add constraint payment_amount_policy_is_known check (
        amount_policy = 'exact' or (amount_policy = 'as_received' and type = 'deposit')) not valid,
    add constraint payment_requested_another_amount check (
        requested_minor > 0 and requested_minor <> minor) not valid;

-- payments that operators completed with another amount
update ledger.payment p
set requested_minor = (accepted.detail->>'minor')::numeric
from ledger.input i
join ledger.payment_event accepted
    on accepted.payment_id = (i.input->>'payment_id')::uuid and accepted.kind = 'accepted'
where i.kind = 'resolve' and i.input->>'as' = 'completed'
  and p.payment_id = accepted.payment_id
  and p.minor <> (accepted.detail->>'minor')::numeric;

alter type ledger.payment_shown add attribute requested_amount text;

reset role;
