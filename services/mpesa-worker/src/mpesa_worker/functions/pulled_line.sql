-- revision: 1 bdba6684ee2df17d
-- For `cift reconcile mpesa --pulled`; no sealed text, no reference of a stranger.
create or replace view mpesa.pulled_line as
    select receipt, reference, amount_minor, at from mpesa.pulled
     where receipt is not null and amount_minor is not null and at is not null;

do $$
begin
    if exists (select from pg_roles where rolname = 'cift_operator') then
        grant select on mpesa.pulled_line to cift_operator;
    end if;
end
$$;
