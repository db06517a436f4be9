-- revision: 2 6ea211e332859eb7
-- Publish the head of the chain outside the database. An attacker who rewrites the journal cannot
-- rewrite the heads that others have received.
create or replace function ledger.publish_head(p_block ledger.block) returns void
language sql
set search_path = ledger, pg_temp
as $$
    insert into outbox (topic, key, headers, body)
    values ('ledger.heads', 'head',
        jsonb_build_object(
            'ce_specversion', '1.0',
            'ce_id', encode(p_block.hash, 'hex'),
            'ce_type', 'cift.ledger_head.v1',
            'ce_source', '/ledger',
            'ce_time', to_json(p_block.sealed_at) #>> '{}',
            'ce_subject', 'head',
            'content-type', 'application/json'),
        convert_to(json_build_object(
            'schema_version', 1,
            'kind', 'ledger_head',
            'hash', encode(p_block.hash, 'hex'),
            'transactions', p_block.height,
            'last_transaction_id', p_block.to_tx::text,
            'block', p_block.block_id,
            'sealed_at', p_block.sealed_at)::text, 'UTF8'))
$$;
