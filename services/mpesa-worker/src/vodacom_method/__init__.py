"""M-Pesa Tanzania, described for the rest of the platform; imports no library of the worker."""
