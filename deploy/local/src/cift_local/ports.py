"""Free ports on the loopback address."""

import secrets
import socket

LOOPBACK = "127.0.0.1"

_FIRST, _LAST = 20_000, 32_000
"""Below the ports that Linux hands to outgoing connections (32768 and up).

A client that keeps knocking at a stopped server's port inside that range may be given the very
same port as its own end, connect to itself, and keep the server from coming back.
"""


def free_port() -> int:
    """Answers a loopback port that nobody listens on.

    Raises:
        OSError: None found in a hundred tries.
    """
    for _ in range(100):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if is_free(port):
            return port
    message = f"no free port between {_FIRST} and {_LAST}"
    raise OSError(message)


def is_free(port: int) -> bool:
    """Tells whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
