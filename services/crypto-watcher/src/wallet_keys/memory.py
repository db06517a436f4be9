"""Keep secrets in this process's memory out of core dumps, other processes, and swap.

Python can't guarantee that a secret is erased: copies may remain until the process ends.
"""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4
_MCL_CURRENT, _MCL_FUTURE = 1, 2


def protect() -> list[str]:
    """Protect the memory of this process; returns what the system did not allow, in plain words.

    Core dumps are off, and on Linux no other process of the same user can read the memory or the
    environment.
    """
    refused = []
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if not sys.platform.startswith("linux") or libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        refused.append("other processes of the same user may read the memory")
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    # With a small limit the next allocation would fail, so memory is locked only without one.
    if limit != resource.RLIM_INFINITY or libc.mlockall(_MCL_CURRENT | _MCL_FUTURE) != 0:
        refused.append("memory may be swapped to disk (RLIMIT_MEMLOCK)")
    return refused
