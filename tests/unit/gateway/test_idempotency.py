"""Reading keys, and telling whether two requests ask for the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.idempotency.header import read_key, request_digest
from gateway.problems.problem import Problem

VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))


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
