"""The platform under test with its servers and twins, each a process that can be killed."""
