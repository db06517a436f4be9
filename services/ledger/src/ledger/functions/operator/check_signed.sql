-- revision: 2 b7080a2cfd0a052f
-- Refuse a decision without an operator's name or without a reason.
create or replace function ledger.check_signed(p jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
as $$
begin
    if coalesce(trim(p->>'operator'), '') = '' or coalesce(trim(p->>'reason'), '') = '' then
        perform refuse('who decides, and why? operator and reason are needed');
    end if;
    if p->>'at' is null then
        raise exception 'a decision has a time' using errcode = 'invalid_parameter_value';
    end if;
end
$$;
