-- revision: 2 4eadd8a66bd26634
-- The reference of the next posting about a group: `<method>:<name>`, then `<method>:<name>#2` and
-- so on.
create or replace function ledger.next_reference(p jsonb, p_name text) returns text
language sql stable
set search_path = ledger, pg_temp
as $$
    select base || case when count(tx.tx_id) = 0 then '' else '#' || count(tx.tx_id) + 1 end
    from (values ((p->>'method') || ':' || p_name)) as name (base)
    left join ledger_tx tx
        on tx.kind = 'reconciliation' and regexp_replace(tx.ref, '#\d+$', '') = base
    group by base
$$;
