"""Who signed a transmission. The signer of the tests is written without the worker's code."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paypal_method.transmission import Transmission, Unproven
from paypal_worker.webhook_signature import check_signature
from tests.support.paypal_signing import EVENT, WEBHOOK_ID, issue, key, leaf, signed

KEY = leaf().key.public_key()


def refused(transmission: Transmission, webhook_id: str = WEBHOOK_ID) -> None:
    with pytest.raises(Unproven) as error:
        check_signature(transmission, webhook_id, KEY)
    assert error.value.reason == "signature"


@settings(max_examples=30)
@given(st.binary(max_size=200))
def test_any_body_is_proven_by_its_own_signature(body: bytes) -> None:
    check_signature(signed(body), WEBHOOK_ID, KEY)


def test_a_changed_byte() -> None:
    sent = signed()
    for at in range(0, len(sent.body), 17):
        changed = bytearray(sent.body)
        changed[at] ^= 1
        refused(replace(sent, body=bytes(changed)))
    refused(replace(sent, body=sent.body + b" "))
    refused(replace(sent, body=sent.body[:-1]))


def test_another_webhook() -> None:
    refused(signed(webhook_id="1JE4291016473214C"))
    refused(signed(), "1JE4291016473214C")
    refused(signed(webhook_id="WEBHOOK_ID"))


def test_another_transmission() -> None:
    sent = signed()
    refused(replace(sent, transmission_id="x" + sent.transmission_id[1:]))
    refused(replace(sent, transmission_time="2026-01-05T09:00:01Z"))


def test_another_key() -> None:
    refused(signed(by=issue("messageverificationcerts.sandbox.paypal.com", number=7)))
    check_signature(signed(by=leaf()), WEBHOOK_ID, key(1).public_key())


@pytest.mark.parametrize("text", ["AAAA", base64.b64encode(b"x" * 256).decode(), "A", "AA=A"])
def test_no_signature(text: str) -> None:
    refused(replace(signed(), transmission_sig=text))


def test_the_checksum_is_unsigned_and_decimal() -> None:
    """A checksum with its highest bit set: a signed one would be negative."""
    bodies = [f'{{"n": {n}}}'.encode() for n in range(20)]
    assert EVENT["id"]
    for body in bodies:
        check_signature(signed(body), WEBHOOK_ID, KEY)
