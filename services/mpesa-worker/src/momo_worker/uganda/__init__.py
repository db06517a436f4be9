"""The schema of MTN MoMo Uganda: its migrations."""
