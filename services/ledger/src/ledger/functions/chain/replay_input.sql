-- revision: 5 0ff9e766fb22985a
-- Replay one input of any kind.
--
-- For `cift ledger rebuild`: replays the log in a database that no service uses, each input at its
-- original position. Positions only increase.
create or replace function ledger.replay_input(p_position bigint, p_kind text, p_input jsonb) returns void
language plpgsql
set search_path = ledger, pg_temp
set jit = off
as $$
declare
    replayed_by text;
begin
    perform begin_replay(p_position);
    if p_kind = 'accepted' and p_input->>'type' = 'refund' then
        perform accept_refund(p_input);
    elsif p_kind = 'accepted' then
        perform accept_payment(p_input);
    elsif p_kind = 'cancel_requested' then
        -- it was accepted before: whether the rail can cancel at the provider is not checked again
        perform request_cancel_2(
            (p_input->>'payment_id')::uuid, p_input->>'merchant_id',
            (p_input->>'livemode')::boolean, true, (p_input->>'at')::timestamptz);
    elsif p_kind = 'result' then
        perform apply_post_settlement(p_input, null);
    else
        select k.replayed_by into strict replayed_by from input_kind k where k.kind = p_kind;
        execute format('select ledger.%I($1)', replayed_by) using p_input;
    end if;
    perform end_replay(p_position);
end
$$;
