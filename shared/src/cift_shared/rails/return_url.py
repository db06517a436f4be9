"""The address that a payer's browser goes to after a step at the provider's page."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _safe_return_url(text: str) -> str:
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        host = None
    fits = host is not None and text.isascii() and text.isprintable() and " " not in text
    if not fits or "@" in url.netloc or "\\" in text:
        raise _return_url_invalid()
    if url.scheme != "https" and not (url.scheme == "http" and host in _LOOPBACK):
        raise _return_url_invalid()
    return text


def _return_url_invalid() -> PydanticCustomError:
    return PydanticCustomError(
        "return_url_invalid", "An https address without a user (http on this machine only)."
    )


ReturnUrl = Annotated[
    str,
    StringConstraints(max_length=2048),
    AfterValidator(_safe_return_url),
    Field(examples=["https://shop.example/paid"], json_schema_extra={"format": "uri"}),
]
"""An https address, or one on this machine, without a user."""
