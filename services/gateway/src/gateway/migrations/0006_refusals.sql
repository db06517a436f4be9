-- Refusals that another moment could reverse are stored under their idempotency key as well: with the
-- problem document as the reply, and nothing that was made.
--
-- The new check is not validated: every older row has a status of 2xx and both columns, and looking
-- at a month of keys would hold up every acceptance meanwhile.

alter table gateway.idempotency_key
    alter column resource_id drop not null,
    alter column location drop not null,
    drop constraint idempotency_key_status_check,
    add constraint idempotency_key_made_or_refused check (
        case when status between 200 and 299 then num_nulls(resource_id, location) = 0
             when status between 400 and 499 then num_nonnulls(resource_id, location) = 0
             else false end) not valid;
