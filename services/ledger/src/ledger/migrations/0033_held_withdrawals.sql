-- A role that may read which withdrawals have their money set aside, and nothing else: signers have it.

do $$
begin
    begin
        if not exists (select from pg_roles where rolname = 'cift_ledger_holds') then
            create role cift_ledger_holds nologin;
        end if;
    exception
        when duplicate_object or unique_violation then
            null;  -- the migration of another database was faster
    end;
    grant cift_ledger_holds to current_user;
end
$$;

set local role cift_ledger_owner;

grant usage on schema ledger to cift_ledger_holds;

reset role;
