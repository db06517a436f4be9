"""Verify the Stripe-Signature header: who sent the body, and when (docs.stripe.com/webhooks).

    t=<unix seconds>,v1=<hex>[,v1=<hex>...][,v0=...]

`v1` is HMAC-SHA256 with the endpoint's secret over `t`, a dot and the raw body. While a secret is
being rotated there are several signatures; one match is enough. Stricter than Stripe's own library
in one respect: a time too far in the future is refused, too, so that no notice can be signed for
later use.
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
    """The header does not prove the sender; the text is the reason, without the header itself."""


def verify(body: bytes, header: str, secrets: Sequence[str], *, now_s: float) -> None:
    """Check that one of our secrets signed this body, and that the signature is recent.

    Args:
        body: the raw bytes, not parsed.
        header: the only Stripe-Signature header of the request.
        secrets: the endpoint's secrets; blank ones match nothing.
        now_s: the current time, seconds since 1970.

    Raises:
        SignatureInvalid: an unreadable header, no signature that matches, or one that is more than
            `TOLERANCE_S` seconds in the past or in the future.
    """
    signed_at, signatures = _read(header)
    expected = list(_signatures(signed_at, body, secrets))
    # compare every pair, so that the duration does not reveal which one matches
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in signatures]
    if not any(matches):
        raise SignatureInvalid("No signature in the header matches the body.")
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
