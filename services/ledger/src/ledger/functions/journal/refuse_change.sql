-- revision: 1 074e7fa0cbc245de
-- The trigger function of every append-only table.
create or replace function ledger.refuse_change() returns trigger
language plpgsql
as $$
begin
    raise exception '%.% is append-only: % refused', tg_table_schema, tg_table_name, tg_op
        using errcode = 'restrict_violation',
              hint = 'correct a posting by a new one';
end
$$;
