"""`make demo`: start the stack, make payments and print each one, then keep running."""

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from cift_local.accounts import balances_text, compare, provider_book
from cift_local.customer import Merchant
from cift_local.scenario import play
from cift_local.stack import Options, Stack, open_api, running_stack
from cift_local.supervised_process import State, Status
from cift_shared.rails.local import Step, local_rails, local_twins

MERCHANT, CUSTOMER = "m_demo", "cus_jane"

console = Console(highlight=False)


async def demo(folder: Path) -> None:
    """Run the demo until Ctrl-C."""
    started = time.monotonic()
    console.rule("[bold]CIFT Payments[/bold]")
    options = Options(folder, on_change=_print_change)
    async with running_stack(options) as stack:
        console.print(f"everything runs after {time.monotonic() - started:.1f} s\n")
        _print_moved_ports(stack)
        key = await open_api(stack, MERCHANT)
        customer = f"{CUSTOMER}_{int(time.monotonic() * 1000)}"
        await _make_payments(stack, key, customer)
        _print_addresses(stack, key, customer)
        await _until_stopped(stack)
    console.print("stopped; the data stays in", str(folder))


async def _make_payments(stack: Stack, key: str, customer: str) -> None:
    steps: list[Step] = []
    moved_before = await provider_book(stack)
    async with Merchant(stack.url("gateway"), key) as merchant:
        started = time.monotonic()
        async for step in play(merchant, customer):
            _print_step(step, time.monotonic() - started)
            steps.append(step)
            started = time.monotonic()
        balances = await merchant.get(f"/customers/{customer}/balances")
    agreement = await compare(stack, steps, before=moved_before)
    colour = "green" if agreement.good else "red"
    console.print(
        Panel(
            f"the customer: {_available_text(balances)}\n"
            f"balances at the providers, by our ledger: {balances_text(agreement.ours)}\n"
            "balances at the providers, by their records: "
            f"[{colour}]{balances_text(agreement.theirs)}[/]"
            + "".join(f"\n[red]{line}[/red]" for line in agreement.unexpected),
            title="ledger and providers",
            expand=False,
        )
    )


def _available_text(balances: dict[str, Any]) -> str:
    lines = (f"{line['currency']} {line['available']}" for line in balances["balances"])
    return ", ".join(lines) + " available"


def _print_step(step: Step, seconds: float) -> None:
    colour = "green" if step.good else "red"
    console.print(f"[bold]{step.title}[/bold]  [dim]{seconds:.1f} s[/dim]")
    console.print(f"  {step.story}")
    console.print(f"  [{colour}]{step.status}[/{colour}]  {_facts(step)}\n")


def _facts(step: Step) -> str:
    payment = step.payment
    failure = payment.get("failure") or {}
    facts = {
        "id": payment.get("id"),
        "amount": payment.get("amount"),
        "fee": payment.get("fee"),
        "receipt": payment.get("provider_reference"),
        **step.facts,
        "why": failure.get("message") or payment.get("detail"),
    }
    return "  ".join(f"[dim]{name}[/dim] {value}" for name, value in facts.items() if value)


def _print_change(status: Status) -> None:
    if status.state is State.READY:
        console.print(f"  [green]ready[/green]  {status.name}")
    elif status.state is State.DOWN:
        console.print(f"  [red]down[/red]   {status.name}, it is being restarted")


def _print_moved_ports(stack: Stack) -> None:
    """Print what is not on its well-known port."""
    for name, preferred, taken in stack.moved():
        console.print(
            f"[yellow]port {preferred} is in use by another program:[/yellow] "
            f"{name} listens on port {taken} instead",
            soft_wrap=True,
        )


def _print_addresses(stack: Stack, key: str, customer: str) -> None:
    gateway = stack.url("gateway")
    table = Table(title="where to look", show_header=False, title_justify="left")
    table.add_row("API and its documentation", f"{gateway}/docs")
    operations = stack.ops_url("gateway")
    table.add_row("health, metrics", f"{operations}/readyz  {operations}/metrics")
    table.add_row("topics (AsyncAPI)", f"{stack.ops_url('ledger')}/asyncapi")
    for twin in local_twins():
        url = stack.url(twin.name)
        table.add_row("providers' twins", f"{url}/docs")
        table.add_row("the twins' records of money moved", f"{url}/control/book")
    table.add_row("logs, traces", f"{stack.options.folder}/logs  {stack.options.folder}/traces")
    console.print(table)
    console.print("\nmake a payment yourself:\n")
    console.print(first_payment(gateway, key, customer), soft_wrap=True, markup=False)
    _print_status(stack)


def first_payment(gateway: str, key: str, customer: str) -> str:
    """Return shell commands that make a payment, without indentation, so they can be copied."""
    samples = (rail.sample for rail in local_rails().values() if rail.sample)
    order = {**next(samples), "customer_id": customer}
    return (
        f"export CIFT_API_KEY={key}\n"
        f"curl -s {gateway}/api/v1/payments \\\n"
        f'  -H "Authorization: Bearer $CIFT_API_KEY" -H "Idempotency-Key: my-first-{customer}" \\\n'
        '  -H "Content-Type: application/json" -H "Prefer: wait=20" \\\n'
        f"  -d '{json.dumps(order)}'\n"
    )


def _print_status(stack: Stack) -> None:
    table = Table(title="processes", title_justify="left")
    for column in ("part", "state", "pid", "restarts", "memory"):
        table.add_column(column)
    for status in stack.status():
        table.add_row(
            status.name, status.state, str(status.pid), str(status.restarts),
            f"{status.rss_bytes / 2**20:.0f} MB",
        )  # fmt: skip
    console.print(table)


async def _until_stopped(stack: Stack) -> None:
    console.print("\nrunning; Ctrl-C stops everything. A process that crashes is restarted.")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
    _print_status(stack)
