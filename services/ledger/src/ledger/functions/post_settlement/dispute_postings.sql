-- revision: 2 1a74347a94fd6c8a
-- The postings that bring the journal from one state of a dispute to the next, in order. The loss
-- is not among them: settle_dispute posts it, because the customer pays a share of it. After the
-- dispute is lost, amounts that the provider takes or gives back are posted to our losses.
create or replace function ledger.dispute_postings(
    p_before ledger.dispute, p_after ledger.dispute, p_accounts ledger.dispute_accounts
) returns setof ledger.dispute_posting
language sql immutable
begin atomic
    select kind,
        p_after.reference || suffix || case when coalesce(total_before, 0) > 0
            then ':' || total else '' end,
        total - coalesce(total_before, 0), debit, credit
    from (values
        (1, 'dispute_withdrawn', '', p_before.withdrawn_minor, p_after.withdrawn_minor,
            case when p_before.lost_minor > 0 then p_accounts.losses else p_accounts.disputes end,
            p_accounts.provider),
        (2, 'dispute_fee', '', p_before.fee_minor, p_after.fee_minor,
            p_accounts.provider_costs, p_accounts.fee_provider),
        (3, 'dispute_reinstated', '', p_before.reinstated_minor, p_after.reinstated_minor,
            p_accounts.provider,
            case when p_before.lost_minor > 0 then p_accounts.losses else p_accounts.disputes end),
        (4, 'dispute_reinstated', ':fee', p_before.fee_reinstated_minor,
            p_after.fee_reinstated_minor, p_accounts.fee_provider, p_accounts.provider_costs)
    ) step (place, kind, suffix, total_before, total, debit, credit)
    where total > coalesce(total_before, 0)
    order by place;
end;
