-- The attempt engine's tables in this schema.

set local search_path to mpesa_tz;

\include cift_shared.attempts attempt_tables_1.sql

grant select, insert, update on attempt, notice to cift_mpesa_tz;
