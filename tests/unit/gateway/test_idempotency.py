"""Reading keys, and telling whether two requests ask for the same."""

import hashlib
import hmac
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from cift_shared.ids import SystemIds
from cift_shared.security.field_encryption import Vault
from gateway.auth.authenticator import Caller
from gateway.idempotency.header import optional_key, read_key, request_digest, request_key
from gateway.problems.problem import Problem

VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))
INDEX_KEY = b"i" * 32
VAULT = Vault({"k1": b"1" * 32}, INDEX_KEY)
CALLER = Caller("key_1", "m_1", livemode=False, scopes=frozenset())
INSTANCE = "urn:uuid:00000000-0000-7000-8000-000000000001"
PATH = "/api/v1/payments"
BODY = {"amount": "100.00"}


def request_with(*keys: str) -> Request:
    """A request as the middleware and the JSON reader leave it to an endpoint."""
    return Request(
        {
            "type": "http",
            "method": "POST",
            "path": PATH,
            "query_string": b"",
            "headers": [(b"idempotency-key", key.encode()) for key in keys],
            "server": ("127.0.0.1", 8080),
            "scheme": "http",
            "state": {"instance": INSTANCE, "document": BODY},
        }
    )


@given(st.text(VISIBLE, min_size=1, max_size=255))
def test_quoted_and_bare_are_one_key(key: str) -> None:
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert read_key([quoted]) == key
    if not key.startswith('"'):
        assert read_key([key]) == key


@pytest.mark.parametrize(
    "values",
    [[""], ['""'], [" "], ["a b"], ['"a b"'], ["é"], ["a\x7f"], ["\t"], ["k" * 256], ['"open'],
     ['"'], ["a", "a"]],
)  # fmt: skip
def test_a_malformed_key_is_refused(values: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        read_key(values)
    assert refused.value.code == "idempotency_key_malformed"


def test_a_missing_key_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        read_key([])
    assert (refused.value.code, refused.value.kind.status) == ("idempotency_key_missing", 400)


def test_same_request_however_it_is_written() -> None:
    assert request_digest("/a", {"x": "1", "y": {"b": 1, "a": 2}}) == request_digest(
        "/a", {"y": {"a": 2, "b": 1}, "x": "1"}
    )


@pytest.mark.parametrize(
    ("path", "document"),
    [("/b", {"x": "1"}), ("/a", {"x": 1}), ("/a", {"x": "1", "y": None}), ("/a", None), ("/a", {})],
)
def test_another_request_has_another_digest(path: str, document: object) -> None:
    assert request_digest(path, document) != request_digest("/a", {"x": "1"})


def test_a_digest_of_an_earlier_release_is_still_the_same() -> None:
    """It is stored beside the key: a retry after an upgrade must not look like another request."""
    document = {"amount": "100.00", "customer": {"name": "Zoë", "id": 7}, "tags": ["b", "a"]}
    assert request_digest("/api/v1/payments", document) == (
        "188813077ff4b92da45fc3ddb63064c862f33ff9bc4996ec400689d98ecfe057"
    )


def test_a_number_that_json_does_not_have_is_no_request() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        request_digest("/a", {"x": float("nan")})


def test_the_refusal_names_the_header() -> None:
    for values in ([], ["a", "a"]):
        with pytest.raises(Problem) as refused:
            read_key(values)
        (error,) = refused.value.errors
        assert (error["in"], error["parameter"]) == ("header", "Idempotency-Key")
        assert error["code"] == refused.value.code


@pytest.mark.parametrize("is_optional", [False, True])
@pytest.mark.parametrize("sent", ["order-7", '"order-7"'])
def test_a_request_is_stored_under_the_keyed_hash_of_its_key(sent: str, is_optional: bool) -> None:
    """The hash is computed here a second time: with another, retries after an upgrade pay twice."""
    request = request_with(sent)
    found = (
        optional_key(request, CALLER, VAULT, SystemIds(), route="payments")
        if is_optional
        else request_key(request, CALLER, VAULT, route="payments")
    )
    hashed = hmac.new(INDEX_KEY, b"idempotency-key\0order-7", hashlib.sha256).hexdigest()
    assert (found.caller, found.route, found.instance) == (CALLER, "payments", INSTANCE)
    assert found.key_digest == hashed
    assert found.request_digest == request_digest(PATH, BODY)


def test_without_an_optional_key_each_request_is_another_one() -> None:
    ids = SystemIds()
    first, second = (
        optional_key(request_with(), CALLER, VAULT, ids, route="payments") for _ in range(2)
    )
    assert first.key_digest != second.key_digest
    assert UUID(first.key_digest).version == 7
    assert (first.caller, first.route, first.instance) == (CALLER, "payments", INSTANCE)
    assert first.request_digest == ""


@pytest.mark.parametrize("keys", [("a", "a"), ("",), ('"open',)])
def test_an_optional_key_that_is_sent_must_be_a_key(keys: tuple[str, ...]) -> None:
    with pytest.raises(Problem) as refused:
        optional_key(request_with(*keys), CALLER, VAULT, SystemIds(), route="payments")
    assert refused.value.code == "idempotency_key_malformed"


def test_a_required_key_must_be_sent() -> None:
    with pytest.raises(Problem) as refused:
        request_key(request_with(), CALLER, VAULT, route="payments")
    assert refused.value.code == "idempotency_key_missing"
