"""The gateway's access to PostgreSQL: statements, outbox rows, notifications."""
