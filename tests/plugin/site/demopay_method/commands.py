"""DemoPay's commands for operators: `cift demopay ...`."""

import httpx

from cift_shared.cli import Lazy, LazyGroup, Output, command, environment

INDEX = (Lazy("demopay", "demopay_method.commands:demopay", "DemoPay's own records."),)
"""The entry point `cift.commands`."""


def _index() -> tuple[Lazy, ...]:
    return (Lazy("moved", "demopay_method.commands:moved", "Count what DemoPay has moved."),)


demopay = LazyGroup("demopay", index=_index, help="DemoPay's own records.")


@command("moved")
async def moved() -> Output:
    """Count what DemoPay has moved."""
    async with httpx.AsyncClient(base_url=environment("DEMOPAY_API_BASE")) as http:
        entries = (await http.get("/control/book")).json()["entries"]
    return Output({"moved": len(entries)}, [f"{len(entries)} moved"])
