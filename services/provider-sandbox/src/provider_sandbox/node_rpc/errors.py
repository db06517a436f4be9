"""The error of a JSON-RPC call."""

from typing import Any


class RpcError(Exception):
    """A call failed; code and message are those of the imitated node."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        """Additional data, such as the reason of a reverted call."""
