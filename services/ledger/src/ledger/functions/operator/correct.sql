-- revision: 2 844b3e440cd32533
-- Undo a posting that belongs to no payment, by posting its exact negation, at most once. `p`:
-- tx_id (as text), operator, reason, at. Returns the new transaction. Raises CF020 if the posting
-- belongs to a payment, was corrected before, or cannot be undone because the account no longer has
-- the money.
create or replace function ledger.correct(p jsonb) returns bigint
language plpgsql security definer
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    wrong ledger_tx;
    legs leg[];
begin
    perform check_signed(p);
    select * into wrong from ledger_tx where tx_id = (p->>'tx_id')::bigint;
    if not found then
        perform refuse('no such transaction');
    end if;
    if correction_advice(wrong) is not null then
        perform refuse(format('a posting of kind %s is not corrected: %s',
            wrong.kind, correction_advice(wrong)));
    end if;
    select array_agg(row(account_id, -amount)::leg order by seq) into legs
    from entry where tx_id = wrong.tx_id;
    perform lock_balances(array(select account_id from unnest(legs)));
    if exists (select from ledger_tx where kind = 'correction' and ref = wrong.tx_id::text) then
        perform refuse(format('transaction %s has been corrected', wrong.tx_id));
    end if;
    perform check_available(account_id, sum(amount), 0) from unnest(legs) group by account_id;
    perform reopen_discrepancy(wrong.tx_id, p);
    return write_transaction(take_input('correct', p), 0, 'correction', wrong.tx_id::text, null,
        (p->>'at')::timestamptz, legs);
end
$$;

grant execute on function ledger.correct(jsonb) to cift_operator;
