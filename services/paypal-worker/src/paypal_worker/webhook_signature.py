"""Verify a transmission offline: who signed it, with PayPal's certificate, for our webhook.

PayPal signs ``transmission id|time|webhook id|checksum`` with RSA PKCS#1 v1.5 and SHA-256; the
checksum is the CRC-32 of the raw body as an unsigned decimal number. The webhook's id is the one of
our own settings. Source: developer.paypal.com/api/rest/webhooks/rest, "Verify the message".
"""

import base64
import binascii
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from paypal_method.transmission import Transmission, Unproven


def signed_text(transmission: Transmission, webhook_id: str) -> bytes:
    """The text that PayPal signs."""
    checksum = str(zlib.crc32(transmission.body))
    parts = (transmission.transmission_id, transmission.transmission_time, webhook_id, checksum)
    return "|".join(parts).encode()


def check_signature(transmission: Transmission, webhook_id: str, key: rsa.RSAPublicKey) -> None:
    """Check that the key's owner signed this body for this webhook.

    Args:
        transmission: its head was checked (`Transmission.check`).
        webhook_id: the id in our settings.
        key: the key of a certificate that was checked (`certificates.Trust`).

    Raises:
        Unproven: the signature is of another key, body, transmission or webhook.
    """
    try:
        signature = base64.b64decode(transmission.transmission_sig, validate=True)
        text = signed_text(transmission, webhook_id)
        key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
    except (binascii.Error, UnicodeEncodeError, InvalidSignature) as error:
        raise Unproven("signature", "The signature does not match the body.") from error
