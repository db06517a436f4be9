"""The checker, checked: bugs that are put into a copy of the services, and must be found."""
