-- revision: 2 a9b810542a118dfb
-- The amounts posted about a group under any of its names: on the provider's account, and in
-- suspense. Read from the journal and not from the discrepancies, because a rebuilt ledger starts
-- with no discrepancies and must not post an amount twice.
create or replace function ledger.posted_about(p jsonb, p_names text[]) returns ledger.posted_about
language sql stable
set search_path = ledger, pg_temp
as $$
    with about as (
        select tx.tx_id
        from ledger_tx tx
        where tx.kind = 'reconciliation' and regexp_replace(tx.ref, '#\d+$', '') = any (array(
            select (p->>'method') || ':' || name from unnest(p_names) name))
        union all
        select tx.tx_id
        from ledger_tx tx
        where tx.kind = 'resolution' and regexp_replace(tx.ref, '#\d+$', '') = any (array(
            select 'write-off:' || (p->>'method') || ':' || name from unnest(p_names) name))
    ),
    with_corrections as (
        select tx_id from about
        union all
        select tx.tx_id from ledger_tx tx join about on tx.kind = 'correction' and tx.ref = about.tx_id::text
    )
    select row(
        coalesce(sum(e.amount) filter (where a.kind = 'provider'), 0),
        coalesce(sum(e.amount) filter (where a.kind = 'suspense'), 0))::posted_about
    from with_corrections
    join entry e using (tx_id)
    join account a using (account_id)
    where a.currency = p->>'currency' and a.tenant = house_tenant((p->>'livemode')::boolean)
$$;
