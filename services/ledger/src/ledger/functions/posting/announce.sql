-- revision: 3 ab9c55854eb6622f
-- Publish an event for every change, through the outbox, and notify waiting requests.
create or replace function ledger.announce(p_decisions ledger.decision[]) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into outbox (id, topic, key, headers, body)
    overriding system value
    select v.outbox_id, 'payments.events', p.payment_id::text,
        event_headers(p.payment_id, p.version, v.occurred_at, v.traceparent),
        event_body(p, c.unit, 'payment.' || p.status, v.occurred_at)
    from unnest(p_decisions) v
    join payment p on p.payment_id = v.payment_id
    join currency c on c.code = p.currency
    where v.changed
      and p.payment_id = any (array(select payment_id from unnest(p_decisions)));

    perform pg_notify('cift_payment', v.payment_id::text)
    from unnest(p_decisions) v
    where v.changed;
end
$$;
