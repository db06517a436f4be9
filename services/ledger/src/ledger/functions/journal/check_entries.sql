-- revision: 2 0f9328e929d6adc8
-- A second check beside the posting functions, which balance by construction. All entries of a
-- transaction are inserted by one statement, so checking the rows of each statement is enough: the
-- entries must sum to zero per transaction and currency, and must have the currency of their
-- accounts. A check per statement costs a tenth of a check per row.
create or replace function ledger.check_entries() returns trigger
language plpgsql
as $$
declare
    crooked bigint;
    stray bigint;
begin
    select tx_id into crooked
    from added group by tx_id, currency having sum(amount) <> 0 limit 1;
    if found then
        raise exception 'transaction % does not balance', crooked using errcode = 'check_violation';
    end if;
    select used.account_id into stray
    from (select distinct account_id, currency from added) used
    left join ledger.account a
        on a.account_id = used.account_id and a.currency = used.currency
        and a.account_id = any (array(select account_id from added))
    where a.account_id is null
    limit 1;
    if found then
        raise exception 'account % does not keep that currency', stray
            using errcode = 'foreign_key_violation';
    end if;
    return null;
end
$$;
