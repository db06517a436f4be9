-- revision: 2 bb450a8273624e42
-- Trigger function of every append-only table: refuses updates and deletes.
create or replace function ledger.refuse_change() returns trigger
language plpgsql
as $$
begin
    raise exception '%.% is append-only: % refused', tg_table_schema, tg_table_name, tg_op
        using errcode = 'restrict_violation',
              hint = 'correct a posting by a new one';
end
$$;
