-- revision: 2 a864c9062f5be2fd
-- The hash chain over the journal.
--
-- Every transaction has a digest: SHA-256 over its canonical text. The chain has one link per
-- transaction, in tx_id order:
--
--     link 0 = SHA-256('cift.ledger.chain.v1')          the genesis
--     link n = SHA-256(link n-1 || digest n)
--
-- So a head depends only on the sequence of transactions. It does not depend on when they were
-- sealed or how they are divided into blocks. A rebuilt ledger has the same head.
--
-- Seal up to `p_limit` transactions as one block and publish the new head. Returns the number of
-- transactions sealed; 0 if everything up to the mark is sealed; null if it is too early: a
-- transaction older than the mark's horizon is still running, or another process is sealing.
-- `p_horizon` null: the caller guarantees that no transaction is writing.
create or replace function ledger.seal(p_last_tx bigint, p_horizon xid8, p_limit integer) returns integer
language plpgsql security definer
set search_path = ledger, pg_temp
set timezone = 'UTC'
set jit = off
as $$
declare
    last block;
    new block;
    link bytea;
    digest bytea;
    digests bytea[];
begin
    if not pg_try_advisory_xact_lock(hashtextextended('ledger.seal', 0))
       or pg_snapshot_xmin(pg_current_snapshot()) < p_horizon then
        return null;
    end if;
    select * into last from block order by block_id desc limit 1;
    link := coalesce(last.hash, genesis());
    select array_agg(d.tx_id order by d.tx_id), array_agg(d.digest order by d.tx_id)
    into new.tx_ids, digests
    from transaction_digests(coalesce(last.to_tx, 0), p_last_tx, p_limit) d;
    if digests is null then
        return 0;
    end if;
    foreach digest in array digests loop
        link := sha256(link || digest);
    end loop;

    new.transactions := cardinality(digests);
    insert into block (
        block_id, from_tx, to_tx, transactions, height, tx_ids, digests, prev_hash, hash)
    select coalesce(last.block_id, 0) + 1, new.tx_ids[1], new.tx_ids[new.transactions],
        new.transactions, coalesce(last.height, 0) + new.transactions, new.tx_ids,
        string_agg(d.digest, '' order by d.place), coalesce(last.hash, genesis()), link
    from unnest(digests) with ordinality as d (digest, place)
    returning * into new;
    perform publish_head(new);
    return new.transactions;
end
$$;

grant execute on function ledger.seal(bigint, xid8, integer) to cift_ledger;
