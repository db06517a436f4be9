-- revision: 1 a3a82add3aa28130
-- The posting functions balance by construction; this is the second lock. All entries of a
-- transaction come in one statement, so one look at the statement's rows is enough: whatever is
-- added to the journal sums to zero in itself, in each transaction and currency, and is in the
-- currency of its accounts. Checked once a statement it costs a tenth of a check of every row.
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
