-- A payment may be reversed in parts and several times, and a reversal may be taken back: a new kind
-- of transaction. `not valid`: no scan of the tables; older rows obey the narrower rules of before.
--
-- Money may arrive that no command asked for, and an operator may have to name its owner: two kinds of
-- input.

set local role cift_ledger_owner;

alter table ledger.ledger_tx
    drop constraint ledger_tx_kind_check,
    add constraint ledger_tx_kind_check check (kind in (
        'settlement', 'suspense', 'provider_fee', 'reversal', 'reinstatement', 'dispute_withdrawn',
        'dispute_fee', 'dispute_reinstated', 'dispute_lost', 'conversion', 'resolution',
        'correction', 'hold_capture', 'reconciliation')) not valid;

alter table ledger.payment
    add constraint payment_reversed_within_amount check (reversed_minor <= minor) not valid;

insert into ledger.input_kind (kind, replayed_by) values
    ('receive', 'receive'),
    ('assign', 'assign_received');

reset role;
