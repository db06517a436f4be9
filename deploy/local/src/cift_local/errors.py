"""What can go wrong with the local stack, said so that a reader knows what to do next."""


class LocalStackError(Exception):
    """The local stack cannot do what was asked; the message says why and what helps."""


class StartError(LocalStackError):
    """A program ended, or did not become ready in time; carries the last lines of its log."""


class FolderInUseError(LocalStackError):
    """Another process of ours owns this data folder."""
