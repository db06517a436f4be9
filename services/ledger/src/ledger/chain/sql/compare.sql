-- What a rebuilt ledger must have in common with the original ledger. Each query returns `key` and
-- `facts`, ordered by key. Serial numbers and the time a row was written are not part of `facts`,
-- because they may differ.

-- compare: balances
select a.tenant || ' ' || a.code as key,
    jsonb_build_array(b.posted, b.held, b.version, b.floor, b.normal, b.currency)::text as facts
from ledger.balance b
join ledger.account a using (account_id)
order by (a.tenant || ' ' || a.code) collate "C";

-- compare: holds
select coalesce(h.payment_id::text, h.hold_key) as key,
    (to_jsonb(h) - array['hold_id', 'account_id', 'booked_at', 'end_booked_at']
        || jsonb_build_object('account', a.tenant || ' ' || a.code))::text as facts
from ledger.hold h
join ledger.account a using (account_id)
order by coalesce(h.payment_id::text, h.hold_key) collate "C";

-- compare: payments
select p.payment_id::text as key,
    (to_jsonb(p) - array['customer_account_id', 'provider_account_id', 'fees_account_id',
                         'merchant_account_id', 'sweep_count', 'swept_at']
        || jsonb_build_object('customer', c.code, 'provider', r.code, 'fees', f.code,
                              'merchant', m.code)
        -- releases before `public` stored what is shown of a card as `card`
        || jsonb_build_object('instrument', p.instrument - array['public', 'card']
                || jsonb_build_object('public', coalesce(
                    nullif(p.instrument->'public', 'null'), p.instrument->'card'))))::text as facts
from ledger.payment p
join ledger.account c on c.account_id = p.customer_account_id
join ledger.account r on r.account_id = p.provider_account_id
join ledger.account f on f.account_id = p.fees_account_id
left join ledger.account m on m.account_id = p.merchant_account_id
order by p.payment_id::text collate "C";

-- compare: history
select lpad(e.event_seq::text, 20, '0') as key, (to_jsonb(e) - 'created_at')::text as facts
from ledger.payment_event e
order by e.event_seq;

-- compare: inputs
select lpad(i.position::text, 20, '0') as key, (to_jsonb(i) - 'created_at')::text as facts
from ledger.input i
order by i.position;

-- compare: transactions
select lpad(tx.tx_id::text, 20, '0') as key, (to_jsonb(tx) - 'created_at')::text as facts
from ledger.ledger_tx tx
order by tx.tx_id;

-- compare: conversions
select c.conversion_id::text as key, (to_jsonb(c) - 'created_at')::text as facts
from ledger.conversion c
order by c.conversion_id::text collate "C";

-- compare: disputes
select d.method || ' ' || d.reference as key, to_jsonb(d)::text as facts
from ledger.dispute d
order by (d.method || ' ' || d.reference) collate "C";
