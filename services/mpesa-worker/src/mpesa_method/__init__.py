"""M-Pesa Kenya, described for the rest of the platform; does not import the worker's libraries."""
