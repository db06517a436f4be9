"""The fields that we read of PayPal's answers."""

import pytest

from paypal_worker import wire

HREF = "https://www.paypal.com/checkoutnow?token=5O190127TN364715T"


@pytest.mark.parametrize("rel", ["payer-action", "approve", "redirect"])
def test_the_page_of_the_payer_has_one_of_three_names(rel: str) -> None:
    links = [
        wire.Link(rel="self", href="https://api-m.paypal.com/v2/checkout/orders/1"),
        wire.Link(rel=rel, href=HREF),
        wire.Link(rel="capture", href="https://api-m.paypal.com/v2/checkout/orders/1/capture"),
    ]
    assert wire.approval_link(links) == HREF
    assert wire.Order(id="1", links=links).approval_link == HREF


@pytest.mark.parametrize("rel", ["self", "capture", "update", ""])
def test_no_other_link_leads_the_payer(rel: str) -> None:
    assert wire.approval_link([wire.Link(rel=rel, href=HREF)]) is None


def test_the_first_reason_of_a_refusal() -> None:
    error = wire.ApiError.model_validate(
        {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "A"}, {}, {"issue": "B"}]}
    )
    assert (error.issue, error.issues) == ("A", ["A", "B"])


@pytest.mark.parametrize(
    ("body", "issue"),
    [
        ({}, ""),
        ({"name": "INVALID_RESOURCE_ID"}, "INVALID_RESOURCE_ID"),
        ({"error": "invalid_token"}, "invalid_token"),
        ({"name": "NOT_AUTHORIZED", "details": []}, "NOT_AUTHORIZED"),
    ],
)
def test_a_refusal_without_details_has_its_own_name(body: dict[str, object], issue: str) -> None:
    assert wire.ApiError.model_validate(body).issue == issue


def test_secrets_are_not_shown() -> None:
    assert HREF not in repr(wire.Link(rel="approve", href=HREF))
    assert "A21AA" not in repr(wire.AccessToken(access_token="A21AAx", expires_in=1))
