-- revision: 2 e4910885235e249f
-- Refuse a change that would leave an account below its floor. The caller has locked the balance.
-- `p_change` is debit positive; `p_freed` is the amount released by a hold that ends in the same
-- change.
create or replace function ledger.check_available(p_account_id bigint, p_change numeric, p_freed numeric)
returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    b balance;
    left_over numeric;
begin
    select * into strict b from balance where account_id = p_account_id;
    left_over := b.normal * (b.posted + p_change) - b.held + p_freed;
    if left_over < b.floor then
        perform refuse(format('%s has %s available, %s is missing',
            (select code from account where account_id = p_account_id),
            amount_text(b.normal * b.posted - b.held + greatest(p_freed, 0), b.currency),
            amount_text(b.floor - left_over, b.currency)));
    end if;
end
$$;
