"""Errors of the local stack; each message says what to do next."""


class LocalStackError(Exception):
    """The local stack cannot do what was requested; the message says why, and what to do."""


class StartError(LocalStackError):
    """A program ended, or was not ready in time; the message has the last lines of its log."""


class FolderInUseError(LocalStackError):
    """Another process of the local stack uses this data folder."""
