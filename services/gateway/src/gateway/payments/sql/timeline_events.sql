-- `detail` contains the result as the worker sent it. Fields that end in `_sealed` are encrypted
-- for the services only, so this query leaves them out.
select event_seq, version, kind, from_status, to_status, disposition,
    jsonb_strip_nulls(jsonb_build_object(
        'attempt_id', detail->'attempt_id',
        'seq', detail->'seq',
        'evidence', detail->'evidence',
        'amount', detail->'amount'->'minor',
        'currency', detail->'amount'->'currency',
        'provider_reference', detail->'provider_reference',
        'failure', detail->'failure',
        'next_action', (
            select jsonb_object_agg(key, value)
            from jsonb_each(nullif(detail->'next_action', 'null'))
            where right(key, 7) <> '_sealed'),
        'reason', coalesce(to_jsonb(reason), detail->'reason'),
        'next_check_at', detail->'next_check_at',
        'dispute', case when detail ? 'dispute' then jsonb_build_object(
            'id', detail->'dispute'->'reference',
            'status', detail->'dispute'->'status',
            'reason', detail->'dispute'->'reason',
            'outcome', detail->'dispute'->'closed') end,
        'posting', posting)) as detail,
    occurred_at
from ledger.payment_event
where payment_id = $1
order by event_seq
limit 1000
