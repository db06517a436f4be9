"""Saved payment tokens: a setup token that the payer approves becomes a payment token.

Source: developer.paypal.com/docs/api/payment-tokens/v3. An order that names the payment token
(``payment_source.paypal.vault_id``) is paid at once, without the payer.
"""

from typing import Any

from provider_sandbox.paypal import events, ids
from provider_sandbox.paypal.errors import PayPalError
from provider_sandbox.paypal.objects import Record
from provider_sandbox.paypal.request_context import Call, RequestContext

_PAGE = 5
_SETUPS, _TOKENS = "/v3/vault/setup-tokens", "/v3/vault/payment-tokens"


def set_up(context: RequestContext, call: Call) -> tuple[int, Any]:
    """Create a setup token, which waits for the payer; HTTP 201."""
    source = call.body["payment_source"].get("paypal")
    if source is None:
        raise _refused("INVALID_PARAMETER_VALUE", "Only PayPal can be saved.")
    addresses = source.get("experience_context", {})
    customer = call.body.get("customer", {}).get("id") or context.ids.make("customer", 10)
    setup = Record(
        context.ids.make("setup"),
        "setup",
        {"customer": {"id": customer}},
        {
            "email": "pays@example.com",
            "return_url": addresses.get("return_url", ""),
            "cancel_url": addresses.get("cancel_url", ""),
        },
        status="PAYER_ACTION_REQUIRED",
    )
    context.objects.add(setup)
    call.about = setup.id
    return 201, view_setup(context, setup)


def repeat_set_up(context: RequestContext, call: Call, name: str) -> tuple[int, Any]:
    """The answer to a repeated request: the setup token as it is now."""
    return 200, view_setup(context, context.find("setup", name, call.operation))


def show_setup(context: RequestContext, call: Call) -> tuple[int, Any]:
    """One setup token."""
    return 200, view_setup(context, context.find("setup", call.path[0], call.operation))


def approve(context: RequestContext, setup: Record, email: str) -> None:
    """The payer agrees that the account is saved."""
    setup.status, setup.hidden["email"] = "APPROVED", email
    context.objects.save(setup)


def create(context: RequestContext, call: Call) -> tuple[int, Any]:
    """Make a payment token out of an approved setup token; HTTP 201.

    Raises:
        PayPalError: HTTP 422, it is not approved or was used; 404, there is none.
    """
    told = call.body["payment_source"].get("token", {})
    setup = context.find("setup", told.get("id", ""), call.operation)
    if told["type"] != "SETUP_TOKEN" or setup.status != "APPROVED":
        raise _refused("UNPROCESSABLE_SETUP_TOKEN", "The setup token is not approved.", status=422)
    setup.status = "VAULTED"
    context.objects.save(setup)
    token = Record(
        context.ids.make("token").lower(),
        "token",
        {"customer": setup.body["customer"], "payment_source": _source(setup.hidden["email"])},
        {"email": setup.hidden["email"]},
        parent=setup.body["customer"]["id"],
    )
    context.objects.add(token)
    call.about = token.id
    summary = "A payment token has been created."
    events.emit(
        context, "VAULT.PAYMENT-TOKEN.CREATED", "payment_token", view(context, token), summary
    )
    return 201, view(context, token)


def repeat(context: RequestContext, call: Call, name: str) -> tuple[int, Any]:
    """The answer to a repeated request: the payment token."""
    return 200, view(context, context.find("token", name, call.operation))


def show(context: RequestContext, call: Call) -> tuple[int, Any]:
    """One payment token."""
    return 200, view(context, context.find("token", call.path[0], call.operation))


def listed(context: RequestContext, call: Call) -> tuple[int, Any]:
    """A page of a customer's payment tokens.

    Raises:
        PayPalError: HTTP 400, no customer or a wrong page.
    """
    customer = call.query.get("customer_id")
    size, page = call.query.get("page_size", str(_PAGE)), call.query.get("page", "1")
    if customer is None or not (size.isdigit() and page.isdigit() and int(size) and int(page)):
        raise _refused("INVALID_PARAMETER_VALUE", "customer_id, page or page_size is invalid.")
    tokens = context.objects.all("token", parent=customer)
    first, count = (int(page) - 1) * int(size), int(size)
    made: dict[str, Any] = {
        "customer": {"id": customer},
        "payment_tokens": [view(context, token) for token in tokens[first : first + count]],
        "links": [context.link("self", f"{_TOKENS}?customer_id={customer}&page={page}")],
    }
    if call.query.get("total_required") == "true" and tokens:
        made |= {"total_items": len(tokens), "total_pages": -(-len(tokens) // count)}
    return 200, made


def delete(context: RequestContext, call: Call) -> tuple[int, Any]:
    """Delete a payment token; HTTP 204, also when there is none."""
    token = context.objects.get("token", call.path[0])
    if token is not None:
        context.objects.delete(token)
        body, summary = {"id": token.id}, "A payment token has been deleted."
        events.emit(context, "VAULT.PAYMENT-TOKEN.DELETED", "payment_token", body, summary)
    return 204, None


def view(context: RequestContext, token: Record) -> dict[str, Any]:
    """The payment token as PayPal shows it."""
    path = f"{_TOKENS}/{token.id}"
    links = [context.link("self", path), context.link("delete", path, "DELETE")]
    return {"id": token.id, **token.body, "links": links}


def view_setup(context: RequestContext, setup: Record) -> dict[str, Any]:
    """The setup token as PayPal shows it, with the address for the payer while it waits."""
    links = [context.link("self", f"{_SETUPS}/{setup.id}")]
    made = {"id": setup.id, "status": setup.status, **setup.body}
    if setup.status == "PAYER_ACTION_REQUIRED":
        links.append(context.link("approve", f"/agreements/approve?approval_session_id={setup.id}"))
        return {**made, "payment_source": {"paypal": {}}, "links": links}
    return {**made, "payment_source": _source(setup.hidden["email"]), "links": links}


def _source(email: str) -> dict[str, Any]:
    return {"paypal": {"email_address": email, "payer_id": ids.account(email)}}


def _refused(issue: str, text: str, *, status: int = 400) -> PayPalError:
    return PayPalError(status, details=[{"issue": issue, "description": text}])
