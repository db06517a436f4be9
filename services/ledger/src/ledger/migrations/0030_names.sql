-- Standard names for the types that the posting functions pass from step to step. The functions
-- that have one of them as a parameter are dropped here and created from their files in the same run,
-- because PostgreSQL can't rename a parameter.

set local role cift_ledger_owner;

do $$
declare
    routine regprocedure;
begin
    for routine in
        select p.oid::regprocedure from pg_proc p
        where p.pronamespace = 'ledger'::regnamespace
          and p.proargtypes::oid[] && array[
              'ledger.told'::regtype, 'ledger.told[]'::regtype, 'ledger.turn[]'::regtype,
              'ledger.verdict'::regtype, 'ledger.verdict[]'::regtype,
              'ledger.locked[]'::regtype]::oid[]
    loop
        execute format('drop function %s', routine);
    end loop;
end
$$;

alter type ledger.told rename to result_row;
alter type ledger.turn rename to result_order;
alter type ledger.verdict rename to decision;
alter type ledger.locked rename to locked_payment;

reset role;
