-- The signer asks the ledger whether a customer's money is set aside for a withdrawal.

do $$
begin
    if not exists (select from pg_roles where rolname = 'cift_ledger_holds') then
        create role cift_ledger_holds nologin;
        grant cift_ledger_holds to current_user;
    end if;
exception
    when duplicate_object or unique_violation then null;  -- another database's migration was faster
end
$$;

grant cift_ledger_holds to cift_ethereum_signer;
