-- Insert settled deposits number $1 up to, not including, number $2, with every row that
-- ledger.apply_results would have written: deposit n belongs to customer n % customers, its
-- acceptance is input 2n + 1 of the log and its result is input 2n + 2. All amounts are equal, so
-- every running balance can be computed from n. Run with session_replication_role = replica.
-- {customers}, {minor}, {fee} and the accounts are filled in.

with deposit as (
    select n, n % {customers} as customer, n / {customers} + 1 as turn,
        ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as payment_id,
        timestamptz '2026-01-01' + n * interval '1 millisecond' as at
    from generate_series($1::bigint, $2::bigint - 1) n
),
payments as (
    insert into ledger.payment (
        payment_id, merchant_id, livemode, customer_id, type, method, rail, status, minor,
        currency, fee_minor, net_minor, provider_reference, instrument, command, version, created_at,
        updated_at, heard_at, customer_account_id, provider_account_id, fees_account_id,
        attempt_id, attempt_seq)
    select payment_id, 'bench', false, 'c' || customer, 'deposit', 'mpesa', 'mpesa', 'completed', {minor},
        'KES', {fee}, {minor} - {fee}, 'F' || n,
        '{{"kind": "phone", "display": "2547****149", "sealed": "k1:c2VhbGVk", "country": "KE"}}',
        '{{"headers": {{}}, "body": {{}}}}', 2, at, at, at,
        ({first_customer} + customer), {provider}, {fees}, payment_id, 1
    from deposit
),
events as (
    insert into ledger.payment_event (
        event_seq, payment_id, version, kind, from_status, to_status, disposition, result_id,
        detail, posting, occurred_at)
    select 2 * n + step, payment_id, step, kind, from_status, to_status, 'applied',
        case step when 2 then payment_id || '.1' end,
        case step when 2 then jsonb_build_object(
            'kind', 'settled', 'result_id', payment_id || '.1', 'payment_id', payment_id,
            'amount', jsonb_build_object('minor', '{minor}', 'currency', 'KES')) else '{{}}' end,
        case step when 2 then 'settlement' end, at
    from deposit
    cross join (values (1, 'accepted', null, 'pending'), (2, 'settled', 'pending', 'completed')
    ) event (step, kind, from_status, to_status)
    order by n, step
),
receipts as (
    insert into ledger.receipt (method, reference, payment_id)
    select 'mpesa', 'F' || n, payment_id from deposit
),
entries as (
    insert into ledger.entry (
        tx_id, seq, account_id, amount, currency, balance_after, account_version, created_at)
    select 8 * (2 * n + 2), seq, account_id, amount, 'KES', amount * version, version, now()
    from deposit
    cross join lateral (values
        (1, {provider}, {minor}, n + 1),
        (2, {first_customer} + customer, {fee} - {minor}, turn),
        (3, {fees}, -{fee}, n + 1)
    ) leg (seq, account_id, amount, version)
    order by n, seq
)
insert into ledger.ledger_tx (tx_id, kind, ref, payment_id, effective_at, created_at)
select 8 * (2 * n + 2), 'settlement', payment_id::text, payment_id, at, now() from deposit
