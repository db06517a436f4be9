-- What must be true of conversions; see invariants.sql.

-- invariant: conversions_match_journal
-- A conversion is one input and one transaction with its amounts, and the amounts match its rate.
select 'input ' || i.position as subject
from {input} i
left join ledger.conversion c using (position)
where i.kind = 'conversion'
  and (c.position is null or c.conversion_id::text is distinct from i.input->>'conversion_id')
union all
select 'transaction ' || tx.tx_id
from {ledger_tx} tx
left join ledger.conversion c using (tx_id)
left join ledger.currency given on given.code = c.from_currency
left join ledger.currency received on received.code = c.to_currency
left join lateral (
    select
        sum(e.amount) filter (where a.code = 'customer:' || c.customer_id || ':' || c.from_currency)
            as given,
        -sum(e.amount) filter (where a.code = 'customer:' || c.customer_id || ':' || c.to_currency)
            as received,
        coalesce(-sum(e.amount) filter (where a.kind = 'rounding'), 0) as kept
    from ledger.entry e
    join ledger.account a using (account_id)
    where e.tx_id = tx.tx_id
) booked on true
left join lateral (
    select before.carry
    from ledger.conversion before
    where before.livemode = c.livemode and before.to_currency = c.to_currency
      and before.position < c.position
    order by before.position desc limit 1
) before on true
cross join lateral (select
    c.from_minor * given.unit * c.rate * ('1e' || received.exponent)::numeric - c.to_minor as part
) cut_off
where tx.kind = 'conversion'
  and (c.tx_id is null
       or tx.ref <> c.conversion_id::text
       or booked.given is distinct from c.from_minor
       or booked.received is distinct from c.to_minor
       or cut_off.part < 0 or cut_off.part >= 1
       or c.carry <> coalesce(before.carry, 0) + cut_off.part - booked.kept);
