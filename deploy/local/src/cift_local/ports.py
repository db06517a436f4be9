"""Free ports on the loopback address."""

import secrets
import socket

LOOPBACK = "127.0.0.1"

_FIRST, _LAST = 20_000, 32_000
"""Range of the ports, below those that Linux uses for outgoing connections (32768 and up).

A client that retries a stopped server's port inside that range may get this same port as its local
port, connect to itself, and so prevent the restart of the server.
"""


def free_port() -> int:
    """Return a loopback port on which no process listens.

    Raises:
        OSError: No free port was found in a hundred tries.
    """
    for _ in range(100):
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        if is_free(port):
            return port
    message = f"no free port between {_FIRST} and {_LAST}"
    raise OSError(message)


def is_free(port: int) -> bool:
    """Return True when a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
