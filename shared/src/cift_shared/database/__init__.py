"""PostgreSQL: pools, leases, migrations."""
