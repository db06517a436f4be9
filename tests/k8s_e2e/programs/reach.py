"""Tell whether a TCP connection to an address can be made: `python reach.py HOST PORT`."""

import socket
import sys

WITHIN_S = 4.0


def answer(host: str, port: str) -> str:
    """`reached`, or why not."""
    try:
        with socket.create_connection((host, int(port)), timeout=WITHIN_S):
            return "reached"
    except OSError as error:
        return f"not reached: {error}"


if __name__ == "__main__":
    print(answer(*sys.argv[1:]))
