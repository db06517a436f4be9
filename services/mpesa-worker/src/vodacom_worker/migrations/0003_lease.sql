-- Leases of the worker's processes: the relay's lead, the replicas' names.

set local search_path to mpesa_tz;

\include cift_shared lease_table_1.sql

grant select, insert, update on lease to cift_mpesa_tz;
