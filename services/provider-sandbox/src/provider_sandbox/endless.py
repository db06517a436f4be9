"""An answer without an end, as a faulty server may send it."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import Response
from fastapi.responses import StreamingResponse

_PART = b" " * 65_536


def endless_answer() -> Response:
    """Spaces, which JSON may begin with, until the client leaves."""
    return StreamingResponse(_parts(), media_type="application/json")


async def _parts() -> AsyncIterator[bytes]:
    while True:
        yield _PART
        await asyncio.sleep(0)
