"""Reports for finance: the trial balance, the fees, the journal as a file."""
