"""What must be true at the end of a run, one subject a module; each check is a pure function."""
