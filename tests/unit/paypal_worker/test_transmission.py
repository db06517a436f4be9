"""What a transmission must look like before any certificate is fetched for it."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paypal_method.transmission import (
    AGE_MAX,
    AHEAD_MAX,
    HEADERS,
    CertificateAddresses,
    Transmission,
    Unproven,
    read_head,
)
from tests.support.paypal_signing import ADDRESS, NOW, signed

SANDBOX = CertificateAddresses.of("sandbox", "https://api-m.sandbox.paypal.com")
LIVE = CertificateAddresses.of("live", "https://api-m.paypal.com")
TWIN = CertificateAddresses.of("sandbox", "http://127.0.0.1:8090")
PATH = "/v1/notifications/certs/CERT-1"
HEAD = {
    **dict.fromkeys(signed().head, "x"),
    "received_at": "2026-01-05T09:00:00+00:00",
}


def refused(transmission: Transmission, addresses: CertificateAddresses = SANDBOX) -> str:
    with pytest.raises(Unproven) as error:
        transmission.check(addresses)
    return error.value.reason


class TestAddress:
    @pytest.mark.parametrize(
        ("addresses", "host"),
        [
            (SANDBOX, "https://api.sandbox.paypal.com"),
            (SANDBOX, "https://api-m.sandbox.paypal.com"),
            (SANDBOX, "https://api-m.sandbox.paypal.com:443"),
            (LIVE, "https://api.paypal.com"),
            (LIVE, "https://api-m.paypal.com"),
            (TWIN, "http://127.0.0.1:8090"),
        ],
    )
    def test_of_the_own_environment(self, addresses: CertificateAddresses, host: str) -> None:
        addresses.check(host + PATH)

    @pytest.mark.parametrize(
        ("addresses", "host"),
        [
            (SANDBOX, "https://api.paypal.com"),
            (LIVE, "https://api.sandbox.paypal.com"),
            (LIVE, "http://127.0.0.1:8090"),
            (SANDBOX, "http://127.0.0.1:8090"),
            (TWIN, "https://api.sandbox.paypal.com"),
            (TWIN, "http://127.0.0.1:8091"),
            (TWIN, "https://127.0.0.1:8090"),
        ],
    )
    def test_of_another_environment(self, addresses: CertificateAddresses, host: str) -> None:
        with pytest.raises(Unproven, match="not an address"):
            addresses.check(host + PATH)

    @pytest.mark.parametrize(
        "address",
        [
            "http://api.paypal.com" + PATH,
            "https://api.paypal.com.evil.test" + PATH,
            "https://evil-api.paypal.com" + PATH,
            "https://evil.test/https://api.paypal.com" + PATH,
            "https://paypal.com" + PATH,
            "https://www.paypal.com" + PATH,
            "https://user@api.paypal.com" + PATH,
            "https://api.paypal.com:pass@evil.test" + PATH,
            "https://api.paypal.com:8443" + PATH,
            "https://api.paypal.com:0443" + PATH,
            "https://api.paypal.com:443:443" + PATH,
            "https://api.paypal.com" + PATH + "?a=1",
            "https://api.paypal.com" + PATH + "#a",
            "https://api.paypal.com" + PATH + "/../../../x",
            "https://api.paypal.com" + PATH + "%2e",
            "https://api.paypal.com" + PATH + "\n",
            "https://api.paypal.com/v1/notifications/certs/",
            "https://api.paypal.com/v1/notifications/certs/..",
            "https://api.paypal.com/v1/notifications/certs/" + "a" * 129,
            "https://api.paypal.com/v1/notifications/webhooks-events/1",
            "https://api.paypal.com//v1/notifications/certs/CERT-1",
            "https://API.PAYPAL.COM" + PATH,
            "https://api.paypal.com." + PATH,
            "https://api.paypal.com\\" + PATH,
            "https://аpi.paypal.com" + PATH,  # a Cyrillic letter
            " https://api.paypal.com" + PATH,
            "//api.paypal.com" + PATH,
            "file:///v1/notifications/certs/CERT-1",
            "",
        ],
    )
    def test_everything_else(self, address: str) -> None:
        assert refused(signed(cert_url=address), LIVE) == "address"

    @pytest.mark.parametrize("base", ["http://127.0.0.1:8090", "https://evil.test", None, ""])
    def test_the_api_base_never_adds_one_in_live_mode(self, base: str | None) -> None:
        addresses = CertificateAddresses.of("live", base)
        assert addresses == LIVE

    @pytest.mark.parametrize("base", ["https://evil.test", "http://127.0.0.1.evil.test:1", None])
    def test_only_this_machine_adds_one_in_the_sandbox(self, base: str | None) -> None:
        assert CertificateAddresses.of("sandbox", base) == SANDBOX


class TestHead:
    def test_a_genuine_one(self) -> None:
        signed().check(SANDBOX)

    @pytest.mark.parametrize(
        "algorithm",
        ["SHA1withRSA", "SHA256withrsa", "SHA512withRSA", "none", "HS256", "", "SHA256withRSA "],
    )
    def test_another_algorithm(self, algorithm: str) -> None:
        assert refused(signed(auth_algo=algorithm)) == "algorithm"

    @pytest.mark.parametrize("name", ["", "a|b", "a b", "a\n", "é", "a" * 101])
    def test_a_malformed_id(self, name: str) -> None:
        assert refused(signed(transmission_id=name)) == "headers"

    @pytest.mark.parametrize("signature", ["", "=", "a b", "a\n", "a===", "é", "a" * 2001, "a-_"])
    def test_a_malformed_signature(self, signature: str) -> None:
        assert refused(signed(transmission_sig=signature)) == "headers"

    @pytest.mark.parametrize(
        ("age", "is_fresh"),
        [
            (timedelta(0), True),
            (AGE_MAX, True),
            (AGE_MAX + timedelta(seconds=1), False),
            (-AHEAD_MAX, True),
            (-AHEAD_MAX - timedelta(seconds=1), False),
        ],
    )
    def test_the_age_counts_from_the_gateway(self, age: timedelta, is_fresh: bool) -> None:
        transmission = replace(signed(), received_at=NOW + age)
        if is_fresh:
            transmission.check(SANDBOX)
        else:
            assert refused(transmission) == "time"

    @pytest.mark.parametrize(
        "time",
        [
            "",
            "now",
            "2026-01-05",
            "2026-01-05T09:00:00",
            "2026-13-05T09:00:00Z",
            "0000-01-05T09:00:00Z",
            "0001-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
            "2026-01-05T09:00:00z",
            "20260105T090000Z",
            "٢٠٢٦-01-05T09:00:00Z",
            "2026-01-05T09:00:00Z ",
            "2026-01-05T09:00:00Z" * 50,
        ],
    )
    def test_no_time(self, time: str) -> None:
        assert refused(signed(transmission_time=time)) == "time"

    @pytest.mark.parametrize(
        "time", ["2026-01-05T09:00:00Z", "2026-01-05T09:00:00.123Z", "2026-01-05T11:00:00+02:00"]
    )
    def test_the_forms_of_a_time(self, time: str) -> None:
        replace(signed(), transmission_time=time).check(SANDBOX)

    @pytest.mark.parametrize("missing", HEADERS)
    @pytest.mark.parametrize("values", [[], [""], ["a", "a"]])
    def test_each_header_once(self, missing: str, values: list[str]) -> None:
        with pytest.raises(Unproven) as error:
            read_head(lambda name: values if name == missing else ["x"])
        assert error.value.reason == "headers"


class TestPacked:
    @given(
        body=st.binary(max_size=200),
        texts=st.lists(st.text(max_size=20), min_size=5, max_size=5),
        at=st.datetimes(timezones=st.just(NOW.tzinfo)),
    )
    def test_comes_back_byte_for_byte(self, body: bytes, texts: list[str], at: datetime) -> None:
        first, second, third, fourth, fifth = texts
        made = Transmission(first, second, third, fourth, fifth, body, at)
        assert Transmission.unpacked(made.packed()) == made

    @given(st.binary(max_size=300))
    def test_other_bytes_are_none(self, data: bytes) -> None:
        assert Transmission.unpacked(data) is None

    @pytest.mark.parametrize(
        "line",
        [
            b"[]",
            b"{}",
            b"1",
            b"null",
            b"[" * 100_000,
            json.dumps({**HEAD, "transmission_id": 1}).encode(),
            json.dumps({**HEAD, "received_at": "2026-01-05T09:00:00"}).encode(),
            json.dumps({**HEAD, "received_at": 1}).encode(),
        ],
    )
    def test_other_lines_are_none(self, line: bytes) -> None:
        assert Transmission.unpacked(line + b"\n{}") is None

    def test_the_line_of_these_tests_is_right(self) -> None:
        assert Transmission.unpacked(json.dumps(HEAD).encode() + b"\n{}") is not None

    def test_without_a_body_line(self) -> None:
        assert Transmission.unpacked(signed().packed().partition(b"\n")[0]) is None
        assert ADDRESS.encode() in signed().packed()
