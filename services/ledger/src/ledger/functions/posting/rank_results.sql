-- revision: 5 98de5a5e39308374
-- Find the results whose outcome is already clear (unknown payment, duplicate), and the round of
-- every other result. The results of one payment keep their order; if payments are entangled
-- (is_entangled), every result has its own round.
create or replace function ledger.rank_results(p_batch ledger.result_row[], p_locked ledger.locked_payment[])
returns ledger.result_order[]
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    one_by_one boolean := is_entangled(p_batch, p_locked);
    -- read by key: `exists (... e.result_id = b.result_id)` may be planned as a hash of the whole index
    stored text[] := array(
        select e.result_id from payment_event e
        where e.result_id = any (array(select b.result_id from unnest(p_batch) b)));
begin
return (
    select array_agg(row(
        known,
        case when known is not null then null when one_by_one then place else turn end,
        case when known is null then nextval('ledger.outbox_id_seq') end)::result_order)
    from (
        select place, known,
            row_number() over (
                partition by payment_id, known is null order by place) as turn
        from (
            select b.place, b.payment_id,
                case
                    when p.payment_id is null then 'unknown_payment'
                    when row_number() over (
                            partition by b.result_id, p.payment_id is null order by b.place) > 1
                         or b.result_id = any (stored)
                        then 'duplicate'
                end as known
            from unnest(p_batch) b
            left join unnest(p_locked) p on p.payment_id = b.payment_id and p.rail = b.rail
        ) looked_up
        order by place
    ) ranked
);
end
$$;
