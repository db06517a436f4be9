"""The document is found among lines of a log."""

import pytest

from tests.support.command_output import document_in

LOG = "2026-12-01 11:09:25 [info     ] attempt.result                 kind=settled [1] {x}\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[\n  {"a": 1}\n]\n', [{"a": 1}]),
        ('{\n  "a": []\n}\n', {"a": []}),
        ("[]\n", []),
    ],
)
@pytest.mark.parametrize("before", ["", LOG, LOG + LOG[:-1]])
@pytest.mark.parametrize("after", ["", LOG])
def test_whatever_is_logged_around_it(text: str, found: object, before: str, after: str) -> None:
    assert document_in(before + text + after) == found


def test_an_output_without_a_document_is_an_error() -> None:
    with pytest.raises(AssertionError):
        document_in(LOG)
