"""The Stripe-Signature header, against Stripe's own library: never looser, and stricter in time."""

import hashlib
import hmac

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from card_method.signature import TOLERANCE_S, SignatureInvalid, verify

NOW = 1_763_200_000
SECRET, OTHER = "whsec_one", "whsec_two"


def header(
    body: bytes, secret: str = SECRET, *, at: int = NOW, scheme: str = "v1", more: str = ""
) -> str:
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at}{more},{scheme}={signed}"


def accepts(body: bytes, text: str, *secrets: str, now: float = NOW) -> bool:
    try:
        verify(body, text, secrets or (SECRET,), now_s=now)
    except SignatureInvalid:
        return False
    return True


def stripe_accepts(body: bytes, text: str, secret: str = SECRET) -> bool:
    try:
        return bool(WebhookSignature.verify_header(body, text, secret))
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False


@given(st.text(), st.integers(0, 10**12), st.text("abcWHSEC_019", min_size=1))
def test_what_the_library_signs_is_accepted(body: str, at: int, secret: str) -> None:
    text = WebhookSignature.generate_signature_header(body, secret, at)
    try:
        raw = body.encode()
    except UnicodeEncodeError:
        return
    assert accepts(raw, text, secret, now=at)
    assert stripe_accepts(raw, text, secret)


@given(st.binary(max_size=200))
def test_our_own_header_is_accepted_for_any_bytes(body: bytes) -> None:
    assert accepts(body, header(body))
    assert not accepts(body + b" ", header(body))


HEADERS = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.one_of(
            st.builds("t={}".format, st.integers() | st.text("0123456789 _-+", max_size=12)),
            st.builds("v{}={}".format, st.integers(0, 2), st.text("09abcdefAF", max_size=70)),
            st.text("tv01=, abc", max_size=10),
        ),
        max_size=6,
    ).map(",".join),
    st.builds(
        lambda cut, put: header(b"{}")[:cut] + put + header(b"{}")[cut:],
        st.integers(0, 80),
        st.text("tv01=, abc", max_size=3),
    ),
)  # fmt: skip


@given(HEADERS, st.sampled_from([b"{}", b"", b"\xff", b'{"id": 1}']))
def test_never_looser_than_the_library(text: str, body: bytes) -> None:
    if accepts(body, text):
        assert stripe_accepts(body, text)


def test_either_of_two_secrets_verifies_during_a_rotation() -> None:
    body = b"{}"
    assert accepts(body, header(body, OTHER), SECRET, OTHER)
    assert accepts(body, header(body, OTHER), OTHER, SECRET)
    assert not accepts(body, header(body, OTHER), SECRET)
    both = f"{header(body, OTHER)},{header(body).partition(',')[2]}"
    assert accepts(body, both, SECRET)
    assert accepts(body, both, OTHER)


def test_only_v1_counts() -> None:
    body = b"{}"
    assert not accepts(body, header(body, scheme="v0"))
    assert accepts(body, header(body, more=",v0=" + "0" * 64))
    assert accepts(body, header(body, more=",v1=" + "0" * 64))


def test_times_both_ways() -> None:
    body = b"{}"
    for off in (0, TOLERANCE_S, -TOLERANCE_S):
        assert accepts(body, header(body), now=NOW + off)
    for off in (TOLERANCE_S + 1, -TOLERANCE_S - 1, 10**9, -(10**9)):
        assert not accepts(body, header(body), now=NOW + off)


def test_signed_time_counts_not_a_second_one() -> None:
    body, old = b"{}", NOW - 10_000
    stale = header(body, at=old)
    assert not accepts(body, f"t={NOW},{stale}")
    assert not accepts(body, f"{stale},t={NOW}")
    assert not accepts(body, stale.replace(str(old), str(NOW)))


@pytest.mark.parametrize("secret", ["", " ", "\t\n"])
def test_blank_secret_verifies_nothing(secret: str) -> None:
    body = b"{}"
    signed = hmac.new(secret.encode(), f"{NOW}.".encode() + body, hashlib.sha256).hexdigest()
    assert not accepts(body, f"t={NOW},v1={signed}", secret)


def test_no_secret_verifies_nothing() -> None:
    with pytest.raises(SignatureInvalid):
        verify(b"{}", header(b"{}"), (), now_s=NOW)


@pytest.mark.parametrize(
    "text",
    ["", ",", "t=", "t=1", f"t={NOW}", "v1=" + "0" * 64, f"t={NOW},v1=", f"t={NOW},v1=zz",
     f"t={NOW}.0,v1=" + "0" * 64, "t=" + "9" * 5000, "t=٣,v1=" + "0" * 64, "x" * 100_000],
)  # fmt: skip
def test_headers_that_prove_nothing(text: str) -> None:
    assert not accepts(b"{}", text)


def test_refusal_repeats_nothing() -> None:
    for text in (header(b"{}", OTHER), header(b"{}", at=1), "t=secret_time", f"t={NOW},v1=secret"):
        with pytest.raises(SignatureInvalid) as refused:
            verify(b"{}", text, (SECRET,), now_s=NOW)
        for part in (SECRET, "secret", *text.split(",")):
            assert part not in str(refused.value)


def test_upper_case_is_another_signature() -> None:
    text = header(b"{}")
    time, _, signature = text.partition(",v1=")
    shouted = f"{time},v1={signature.upper()}"
    assert accepts(b"{}", shouted) == stripe_accepts(b"{}", shouted)


@pytest.mark.parametrize(
    ("seconds", "fits"), [(300, True), (-300, True), (301, False), (-301, False)]
)
def test_five_minutes_to_either_side(seconds: int, fits: bool) -> None:
    assert accepts(b"{}", header(b"{}"), now=NOW + seconds) is fits


def test_a_header_without_a_signature_says_so() -> None:
    with pytest.raises(SignatureInvalid, match="no v1 signature"):
        verify(b"{}", f"t={NOW}", [SECRET], now_s=NOW)


@pytest.mark.parametrize(("chars", "fits"), [(4_096, True), (4_097, False)])
def test_no_more_than_four_kibibytes_of_a_header_are_read(chars: int, fits: bool) -> None:
    signed = header(b"{}")
    filler = ",x=" + "y" * (chars - len(signed) - len(",x="))
    at, _, signature = signed.partition(",")
    assert accepts(b"{}", f"{at}{filler},{signature}") is fits
