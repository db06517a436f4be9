"""SQL of the relay; every statement that only the leader may run compares the lease's fence."""

READ = """
with renewed as (
    update {schema}.lease
       set ends_at = clock_timestamp() + $4::interval
     where name = $1 and holder = $2 and epoch = $3
       and ends_at < clock_timestamp() + $4::interval - $5::interval
    returning ends_at
), led as (
    select ends_at from renewed
     union all
    select ends_at from {schema}.lease
     where name = $1 and holder = $2 and epoch = $3 and not exists (select from renewed)
)
select extract(epoch from led.ends_at - clock_timestamp())::float8 as left_s, pending.*
  from led left join lateral (
    select id, topic, key, headers, body,
           extract(epoch from clock_timestamp() - created_at)::int as age_s
      from {schema}.outbox
     where id > $7 and topic <> all ($8::text[])
     order by id limit $6
  ) as pending on true
 order by pending.id
"""
"""The oldest rows, for the leader only; its lease is renewed if that is due. No row: another
process leads. One row without an id: there is nothing to publish.

$7, $8: rows up to this id, and rows of these topics, are excluded because their topics fail
(`STUCK`, `cift_shared.messaging.held_topics`)."""

DELETE = """
with led as (
    select from {schema}.lease where name = $1 and holder = $2 and epoch = $3
), gone as (
    delete from {schema}.outbox where id = any ($4::bigint[]) and exists (select from led)
)
select exists (select from led)
"""
"""Delete published rows, as the leader only. If another process takes over while this statement
runs, nothing is lost: the broker has confirmed each of these rows."""

STUCK = """
with stuck as (
    select topic, count(*) as waiting
      from (select topic from {schema}.outbox where topic = any ($1::text[]) order by id limit $4)
        as oldest
     group by topic
), first_other as (
    select id from {schema}.outbox
     where id > $2
       and (topic <> all ($1::text[]) or created_at > clock_timestamp() - $3::interval)
     order by id limit 1
)
select coalesce(
           (select id - 1 from first_other), (select max(id) from {schema}.outbox), $2
       ) as settled, stuck.topic, stuck.waiting
  from (select) as once left join stuck on true
"""
"""How many rows of failing topics wait (of the $4 oldest such rows), and the id up to which every
row is of such a topic, so that `READ` need not look at these rows again.

A row that commits later may still have a lower id. So only rows that were written more than $3 ago
count: by then every transaction with a lower id has ended."""
