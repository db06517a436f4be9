-- revision: 6 3ce8ec5b533b89ee
-- The former name of apply_post_settlement, which processes of the release before call.
create or replace function ledger.apply_aftermath(p_result jsonb, p_traceparent text default null) returns text
language sql
set search_path = ledger, pg_temp
as $$
select apply_post_settlement(p_result, p_traceparent)
$$;

grant execute on function ledger.apply_aftermath(jsonb, text) to cift_ledger;
