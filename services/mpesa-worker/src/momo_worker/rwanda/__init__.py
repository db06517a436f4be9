"""The schema of MTN MoMo Rwanda: its migrations."""
