-- revision: 2 669dbe06910707e3
-- Reopen a discrepancy whose write-off was corrected: the amount is in suspense again.
create or replace function ledger.reopen_discrepancy(p_tx_id bigint, p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    reopened bigint;
begin
    update discrepancy d
    set state = 'open', in_suspense = d.in_suspense - e.amount,
        changed_at = (p->>'at')::timestamptz
    from entry e
    join account a on a.account_id = e.account_id and a.kind = 'suspense'
    join ledger_tx tx on tx.tx_id = e.tx_id and tx.kind = 'resolution' and tx.payment_id is null
    where e.tx_id = p_tx_id and d.position = p_tx_id / 8
    returning d.discrepancy_id into reopened;
    if found then
        perform note_discrepancy(reopened, 'reopened', p);
    end if;
end
$$;
