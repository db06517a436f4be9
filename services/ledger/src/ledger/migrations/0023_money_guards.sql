-- Two mends of disputes (see 0015):
-- - a fee that the provider gives back may be told before the fee itself: its accounts are made then;
-- - a dispute that began without money moving (an inquiry) takes its money's currency from the first
--   money that moves. Before, it kept the contested currency, and a withdrawal in the provider's
--   settlement currency was refused.

set local role cift_ledger_owner;

-- A dispute after this news. Totals never shrink; the words are those of the newest news, whatever
-- order they come in.
create or replace function ledger.dispute_after(
    p_before ledger.dispute, p_told ledger.told, p_payment ledger.payment
) returns ledger.dispute
language plpgsql stable
set search_path = ledger, pg_temp
as $$
declare
    news jsonb := p_told.detail->'dispute';
    after dispute := p_before;
begin
    if p_before.reference is null or p_told.occurred_at >= p_before.updated_at then
        after.status := news->>'status';
        after.reason := news->>'reason';
        after.minor := (news #>> '{amount,minor}')::numeric;
        after.currency := news #>> '{amount,currency}';
        after.evidence_due_by := (news->>'evidence_due_by')::timestamptz;
        after.closed := coalesce(news->>'closed', p_before.closed);
    end if;
    after.closed := coalesce(after.closed, news->>'closed');  -- it does not open again
    after.method := p_payment.method;
    after.reference := news->>'reference';
    after.payment_id := p_payment.payment_id;
    -- fixed by the first money that moves; until then it is only a guess from what is contested
    after.money_currency := case
        when p_before.withdrawn_minor > 0 or p_before.reinstated_minor > 0
            then p_before.money_currency
        else coalesce(news #>> '{withdrawn,currency}', news #>> '{reinstated,currency}',
            p_before.money_currency, after.currency) end;
    after.fee_currency := coalesce(p_before.fee_currency, news #>> '{fee,currency}',
        news #>> '{fee_reinstated,currency}');
    after.withdrawn_minor := greatest(
        p_before.withdrawn_minor, (news #>> '{withdrawn,minor}')::numeric, 0);
    after.reinstated_minor := greatest(
        p_before.reinstated_minor, (news #>> '{reinstated,minor}')::numeric, 0);
    after.fee_minor := greatest(p_before.fee_minor, (news #>> '{fee,minor}')::numeric, 0);
    after.fee_reinstated_minor := greatest(
        p_before.fee_reinstated_minor, (news #>> '{fee_reinstated,minor}')::numeric, 0);
    after.lost_minor := coalesce(p_before.lost_minor, 0);
    if after.closed = 'lost' and after.lost_minor = 0 then
        after.lost_minor := greatest(0, after.withdrawn_minor - after.reinstated_minor);
    end if;
    after.opened_at := coalesce(p_before.opened_at, p_told.occurred_at);
    after.updated_at := p_before.updated_at;
    if after is distinct from p_before then
        after.updated_at := greatest(p_before.updated_at, p_told.occurred_at);
    end if;
    return after;
end
$$;

create or replace function ledger.dispute_accounts_made(p_payment ledger.payment, p_dispute ledger.dispute)
returns ledger.dispute_accounts
language plpgsql
set search_path = ledger, pg_temp
as $$
declare
    accounts dispute_accounts;
begin
    accounts.disputes := house_account_made(p_payment, 'disputes', p_dispute.money_currency);
    accounts.losses := house_account_made(p_payment, 'losses', p_dispute.money_currency);
    if p_dispute.fee_minor > 0 or p_dispute.fee_reinstated_minor > 0 then
        accounts.provider_costs :=
            house_account_made(p_payment, 'provider-costs', p_dispute.fee_currency);
        accounts.fee_provider := house_account_made(p_payment, 'provider', p_dispute.fee_currency);
    end if;
    accounts.provider := house_account_made(p_payment, 'provider', p_dispute.money_currency);
    return accounts;
end
$$;

-- Write a dispute as it is now, and how much of its payment disputes have taken.
create or replace function ledger.store_dispute(p_after ledger.dispute, p_at timestamptz) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    insert into dispute select p_after.*
    on conflict (method, reference) do update
    set status = excluded.status, reason = excluded.reason, minor = excluded.minor,
        currency = excluded.currency, withdrawn_minor = excluded.withdrawn_minor,
        reinstated_minor = excluded.reinstated_minor,
        money_currency = excluded.money_currency, fee_minor = excluded.fee_minor,
        fee_reinstated_minor = excluded.fee_reinstated_minor, fee_currency = excluded.fee_currency,
        lost_minor = excluded.lost_minor, evidence_due_by = excluded.evidence_due_by,
        closed = excluded.closed, updated_at = excluded.updated_at;
    update payment p
    set version = version + 1, updated_at = greatest(updated_at, p_at),
        disputed_minor = (select sum(disputed(d, p.currency)) from dispute d
                          where d.payment_id = p.payment_id)
    where p.payment_id = p_after.payment_id;
end
$$;

reset role;
