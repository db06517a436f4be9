"""Every refusal is one document, and none repeats what was sent."""

import re

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from cift_shared.errors import InvalidCommand
from gateway.payments.requests import PaymentIn
from gateway.problems.problem import KINDS, Problem, as_problem


@pytest.mark.parametrize("code", KINDS)
def test_a_problem_has_a_complete_document(code: str) -> None:
    problem = Problem(code)
    document = problem.document("urn:uuid:1")
    assert document["type"] == f"/docs#problem-{code}"
    assert document["status"] == KINDS[code].status
    assert re.fullmatch(r"[a-z_]+", code)
    assert ("Retry-After" in problem.headers) == (
        document["retryable"] and document["status"] in (409, 429, 503)
    )


def test_validation_names_every_field_and_no_value() -> None:
    secret = "hunter2"  # not a password
    body = {"type": secret, "amount": 7, "metadata": {"a/b": 1}, "extra": secret}
    with pytest.raises(ValidationError) as failed:
        PaymentIn.model_validate(body)
    errors = [{**error, "loc": ("body", *error["loc"])} for error in failed.value.errors()]
    problem = as_problem(RequestValidationError(errors))
    pointers = {error["pointer"]: error["code"] for error in problem.errors}
    assert pointers["/type"] == "field_invalid"
    assert pointers["/amount"] == "field_invalid"
    assert pointers["/metadata/a~1b"] == "field_invalid"
    assert pointers["/extra"] == "field_unknown"
    assert pointers["/method"] == "field_required"
    assert secret not in str(problem.document("urn:x"))


def test_own_codes_win_over_the_general_one() -> None:
    errors = [
        {"type": "missing", "loc": ("body", "amount"), "msg": "Field required"},
        {"type": "method_unavailable", "loc": ("body", "method"), "msg": "Available: mpesa."},
    ]
    assert as_problem(RequestValidationError(errors)).code == "method_unavailable"


def test_shared_rules_keep_their_pointer() -> None:
    problem = as_problem(InvalidCommand("amount_invalid", "UGX has no cents", pointer="/amount"))
    assert (problem.code, problem.detail) == ("amount_invalid", "UGX has no cents.")
    assert problem.errors[0]["pointer"] == "/amount"


@pytest.mark.parametrize(
    ("error", "code"),
    [(HTTPException(404), "not_found"), (HTTPException(405), "method_not_allowed"),
     (HTTPException(400), "json_malformed"), (KeyError("x"), "internal_error")],
)  # fmt: skip
def test_errors_of_the_framework_become_problems(error: Exception, code: str) -> None:
    assert as_problem(error).code == code
