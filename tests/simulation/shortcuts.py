"""What every seed may share, and what would only cost time."""

import atexit
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.support import cards, mpesa


@cache
def card_config() -> Any:
    return cards.config(max_network_retries=1)


@cache
def mpesa_config() -> Any:
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return mpesa.config(folder)


@contextmanager
def quick() -> Iterator[None]:
    """Idle polls that only cost time here are spread out."""
    with (
        patch("cift_shared.attempts.engine.SLEEP_MAX", timedelta(minutes=2)),
        patch("cift_shared.messaging.outbox.IDLE_POLL_S", 30.0),
        patch("ssl.create_default_context", _trust),
    ):
        yield


@cache
def _trust(*words: Any, **more: Any) -> ssl.SSLContext:
    """Stripe's library reads the machine's certificates for each client; once is enough."""
    return _READ_TRUST(*words, **more)


_READ_TRUST = ssl.create_default_context
