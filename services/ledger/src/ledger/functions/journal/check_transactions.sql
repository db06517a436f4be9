-- revision: 2 cdc7a2b5b7f50cfa
-- A transaction row is inserted after its entries, and has at least two entries.
create or replace function ledger.check_transactions() returns trigger
language plpgsql
as $$
declare
    hollow bigint;
begin
    select tx_id into hollow
    from added
    where (select count(*) from ledger.entry e where e.tx_id = added.tx_id) < 2
    limit 1;
    if found then
        raise exception 'transaction % does not balance: its entries are missing', hollow
            using errcode = 'check_violation';
    end if;
    return null;
end
$$;
