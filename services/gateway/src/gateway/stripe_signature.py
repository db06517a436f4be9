"""The Stripe-Signature header: who sent these bytes, and when (docs.stripe.com/webhooks).

    t=<unix seconds>,v1=<hex>[,v1=<hex>...][,v0=...]

`v1` is HMAC-SHA256 with the endpoint's secret over `t`, a point and the raw body. While a secret
is being rotated there are several: one that fits is enough. Stricter than Stripe's own library in
one thing: a time too far ahead is refused as well, so no notice can be signed for later.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence

TOLERANCE_S = 300
HEADER_CHARS_MAX = 4096
_TIME = re.compile(r"[0-9]{1,15}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")


class SignatureInvalid(Exception):
    """The header proves nothing; the text says why, without repeating any of it."""


def verify(body: bytes, header: str, secrets: Sequence[str], *, now_s: float) -> None:
    """Check that one of our secrets signed this body a moment ago.

    Args:
        body: the raw bytes, before anybody has read them.
        header: the one Stripe-Signature header.
        secrets: the endpoint's secrets; those that are blank fit nothing.
        now_s: seconds since 1970.

    Raises:
        SignatureInvalid: an unreadable header, no signature that fits, or one that is more than
            `TOLERANCE_S` old or ahead.
    """
    signed_at, signatures = _read(header)
    expected = list(_signatures(signed_at, body, secrets))
    # every pair is compared, so the time it takes tells nothing about which one fits
    fits = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in signatures]
    if not any(fits):
        raise SignatureInvalid("No signature in the header fits the body.")
    if abs(now_s - int(signed_at)) > TOLERANCE_S:
        raise SignatureInvalid(f"Signed more than {TOLERANCE_S} seconds ago, or ahead.")


def _read(header: str) -> tuple[str, list[str]]:
    parts = [part.partition("=") for part in header[:HEADER_CHARS_MAX].split(",")]
    times = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1" and _SIGNATURE.fullmatch(value)]
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        raise SignatureInvalid("The Stripe-Signature header has no time, or more than one.")
    if not signatures:
        raise SignatureInvalid("The Stripe-Signature header has no v1 signature.")
    return times[0], signatures


def _signatures(signed_at: str, body: bytes, secrets: Sequence[str]) -> Iterator[str]:
    for secret in secrets:
        if secret.strip():
            signed = hmac.new(secret.encode(), digestmod=hashlib.sha256)
            signed.update(signed_at.encode() + b"." + body)
            yield signed.hexdigest()
