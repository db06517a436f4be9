"""Errors of the local stack; each message says what to do next."""


class LocalStackError(Exception):
    """The local stack cannot do what was requested; the message says why and what helps."""


class StartError(LocalStackError):
    """A program ended, or was not ready in time; the message has the last lines of its log."""


class FolderInUseError(LocalStackError):
    """Another process of ours uses this data folder."""
