"""`cift payments`: payments over the public HTTP API, with CIFT_API_KEY at CIFT_API_BASE."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

import click

from cift_shared.cli.api import Api, Event, open_api
from cift_shared.cli.command import command
from cift_shared.cli.lazy import Lazy, LazyGroup
from cift_shared.cli.output import Cell, Output, Table, form_of, show_record
from cift_shared.errors import ServerUnreachable
from cift_shared.ids import SystemIds

FINAL = {"completed", "failed", "expired", "canceled"}
"""The statuses after which a payment changes no more."""
_STATUSES = ["pending", "processing", "requires_action", *sorted(FINAL), "in_review"]
_STYLES = {
    "completed": "green",
    "failed": "red",
    "expired": "red",
    "canceled": "dim",
    "in_review": "bold yellow",
}
_RECONNECT_S = 1.0
_RECONNECTS_MAX = 30

_INDEX = (
    Lazy("create", "cift_shared.cli.payments:create", "Make a deposit or a withdrawal."),
    Lazy("follow", "cift_shared.cli.payments:follow", "Print each change until the end."),
    Lazy("list", "cift_shared.cli.payments:list_payments", "List payments, newest first."),
    Lazy("show", "cift_shared.cli.payments:show", "Show one payment."),
)


_SOURCE = {
    "phone": "The payer's phone.",
    "country": "The phone's country, like KE.",
    "token": "A token that the payer's client got from the provider.",
    "saved": "The id of a saved method.",
}
_Function = TypeVar("_Function", bound=Callable[..., Any])


def payment_method_options(function: _Function) -> _Function:
    """Add the options that say what pays, or what is paid: --phone, --country, --token, --saved."""
    for name, help_ in reversed(_SOURCE.items()):
        function = click.option(f"--{name}", help=help_)(function)
    return function


def payment_method_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The `payment_method` of a request from those options."""
    names = {"saved": "id"}
    return {names.get(name, name): value for name, value in given.items() if value is not None}


@click.group("payments", cls=LazyGroup, index=lambda: _INDEX)
def payments() -> None:
    """Payments over the HTTP API: CIFT_API_KEY, CIFT_API_BASE."""


@command("list")
@click.option("--status", type=click.Choice(_STATUSES), help="Only with this status.")
@click.option("--customer", "customer_id", help="Only of this customer.")
@click.option("--method", help="Only by this method.")
@click.option("--type", type=click.Choice(["deposit", "withdrawal", "refund"]))
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--after", help="The cursor of the previous page.")
async def list_payments(**filters: Any) -> Output:
    """List payments, newest first."""
    async with open_api() as api:
        wanted = {name: value for name, value in filters.items() if value is not None}
        page = await api.get("/payments", wanted)
    headings = ["id", "status", "type", "method", "amount", "currency", "customer", "created"]
    rows = [
        [one["id"], _status(one), one["type"], one["method"], one["amount"], one["currency"],
         one["customer_id"], one["created_at"]]
        for one in page["data"]
    ]  # fmt: skip
    more = [f"more: --after {page['next_cursor']}"] if page["next_cursor"] else []
    return Output(page, [Table(headings, rows, numbers=(4,)), *more], [row[0] for row in rows])


@command("show")
@click.argument("payment_id", type=click.UUID)
async def show(payment_id: UUID) -> Output:
    """Show one payment."""
    async with open_api() as api:
        return _shown(await api.get(f"/payments/{payment_id}"))


@command("follow")
@click.argument("payment_id", type=click.UUID)
@click.pass_context
async def follow(ctx: click.Context, payment_id: UUID) -> None:
    """Print each change of a payment until it is final; with --json, an event a line.

    A lost connection is opened again; no change is missed and none is printed twice.
    """
    async with open_api() as api:
        after, failures = "", 0
        while True:
            before = after
            try:
                async for event in api.events(f"/payments/{payment_id}/events", after):
                    after, failures = event.id, 0
                    _print(event, ctx)
                    if event.data["status"] in FINAL:
                        return
                if after == before and await _is_over(api, payment_id):
                    return  # final, and no event is left to print
            except ServerUnreachable:
                failures += 1
                if not after or failures > _RECONNECTS_MAX:
                    raise
            await asyncio.sleep(_RECONNECT_S)


@command("create")
@click.option("--type", type=click.Choice(["deposit", "withdrawal"]), required=True)
@click.option("--method", required=True, help="The payment method.")
@click.option("--amount", required=True, help="Decimal text, like 100.00.")
@click.option("--currency", required=True, help="ISO 4217, like KES.")
@click.option("--customer", "customer_id", required=True, help="Your id of the customer.")
@payment_method_options
@click.option("--off-session", is_flag=True, help="With a saved method: the customer is absent.")
@click.option("--return-url", help="Address for the payer's browser after a step at the bank.")
@click.option("--quote", "quote_id", help="A quote whose terms apply.")
@click.option("--description")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="May be given many times.")
@click.option("--wait", type=click.IntRange(0, 60), default=0, help="Seconds to wait for the end.")
@click.option(
    "--idempotency-key", help="Key of this payment; default: a generated key, which is printed."
)
async def create(idempotency_key: str | None, wait: int, **given: Any) -> Output:
    """Make a deposit or a withdrawal.

    The idempotency key is printed to standard error before anything is sent. If the answer is lost,
    the same command with that key answers the same payment and makes no second one.
    """
    key = idempotency_key or f"cift-{SystemIds().new_id()}"
    click.echo(f"idempotency key: {key}", err=True)
    headers = {"Idempotency-Key": key, **({"Prefer": f"wait={wait}"} if wait else {})}
    async with open_api() as api:
        try:
            payment = await api.post("/payments", _order(given), headers)
        except ServerUnreachable as error:
            again = f"it may be accepted all the same: repeat with --idempotency-key {key}"
            raise ServerUnreachable(f"{error}; {again}") from error
    shown = _shown(payment)
    document = {"idempotency_key": key, "payment": payment}
    return Output(document, shown.parts, shown.ids)


def _order(given: dict[str, Any]) -> dict[str, Any]:
    """The body of the request; options that are not given are left out."""
    source = {name: given.pop(name) for name in _SOURCE}
    metadata = dict(_pair(text) for text in given.pop("metadata"))
    order = {name: value for name, value in given.items() if value not in (None, False)}
    order["payment_method"] = payment_method_of(source)
    return {**order, "metadata": metadata} if metadata else order


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--metadata")
    return name, value


def _status(payment: dict[str, Any]) -> Cell:
    return Cell(payment["status"], _STYLES.get(payment["status"], ""))


def _shown(payment: dict[str, Any]) -> Output:
    rows = [
        [name, _status(payment) if name == "status" else _text(value)]
        for name, value in payment.items()
        if value not in (None, {}, "")
    ]
    return Output(payment, [Table(["field", "value"], rows)], [payment["id"]])


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items() if inner)
    return "yes" if value is True else "no" if value is False else str(value)


def _print(event: Event, ctx: click.Context) -> None:
    data = event.data
    failure = (data["payment"].get("failure") or {}).get("message", "")
    line = f"{data['occurred_at']}  {data['status']}  {failure}".rstrip()
    show_record(data, line, data["event_id"], form_of(ctx))


async def _is_over(api: Api, payment_id: UUID) -> bool:
    payment = await api.get(f"/payments/{payment_id}")
    return payment["status"] in FINAL
