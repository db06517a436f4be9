-- revision: 2 31af7aa30679fae1
-- The digests of up to `p_limit` transactions with `p_after` < tx_id <= `p_to`.
--
-- The canonical text of a transaction is a JSON array (RFC 8259: ", " between elements, no other
-- space; in strings only `"`, `\` and control characters escaped, as \b \f \n \r \t or \u00xx):
--
--     ["kind", "ref", "payment id" or null, "2026-03-01T12:00:00.000000Z",
--      [["tenant", "account code", "currency", "amount", "balance after", "version"], ...]]
--
-- The entries are in the order of their seq, all numbers are text without leading zeros, the time
-- is in UTC. Strings are quoted, so two different contents never have the same text. The time when
-- the row was written is not included. `sql/digests.sql` repeats this computation for `cift ledger
-- verify-chain`, which does not trust the functions in the database.
create or replace function ledger.transaction_digests(p_after bigint, p_to bigint, p_limit integer)
returns table (tx_id bigint, digest bytea)
language sql stable
set search_path = ledger, pg_temp
set jit = off
as $$
    select tx.tx_id, sha256(convert_to(json_build_array(
        tx.kind, tx.ref, tx.payment_id,
        to_char(tx.effective_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        (select coalesce(json_agg(json_build_array(
             a.tenant, a.code, e.currency, e.amount::text, e.balance_after::text,
             e.account_version::text) order by e.seq), '[]')
         from entry e left join account a using (account_id)
         where e.tx_id = tx.tx_id))::text, 'UTF8'))
    from ledger_tx tx
    where tx.tx_id > p_after and tx.tx_id <= p_to
    order by tx.tx_id
    limit p_limit
$$;
