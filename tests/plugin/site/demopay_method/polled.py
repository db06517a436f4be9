"""DemoPoll: a second rail in DemoPay's worker and of its method, whose provider posts nothing."""

import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from decimal import Decimal

from cift_shared.money.amount import Money
from cift_shared.rails.gateway import GatewayRail, RailSettings
from cift_shared.rails.local import LocalProcess, LocalRail, Merchant, StackContext, Step, TwinBook
from cift_shared.rails.rail import Example, Limits, Rail
from demopay_method.instruments import WALLETS
from demopay_method.local import LOCAL as DEMOPAY
from demopay_method.rail import SHOWN

PAYS, HANGS = "DP-1000-0001", "DP-1000-0999"
WAITS, PAYS_ALL_THE_SAME = "DP-1000-0900", "DP-1000-0901"
_LIMITS = Limits(1_00, 5_000_00)

RAIL = Rail(
    name="demopoll",
    method="demopay",
    provider="demopoll",
    limits={"GHS": {"deposit": _LIMITS, "withdrawal": _LIMITS, "refund": _LIMITS}},
    typical_duration=dict.fromkeys(("deposit", "withdrawal", "refund"), timedelta(seconds=5)),
    example=Example(
        amount=Money(80_00, "GHS"),
        reference="DPQ-1",
        instrument={"kind": "wallet", "display": SHOWN, "public": {"account": SHOWN}},
        evidence=("demopoll.transfer.read", {"state": "done"}),
    ),
    cancel_after_submit=True,
    countries=frozenset({"GH"}),
    fee_key="demopoll",
    has_notices=False,
    estimates_network_fee=True,
)
"""The entry point `cift.rails`."""

GATEWAY = GatewayRail(
    settings=RailSettings, instruments={"deposit": WALLETS, "withdrawal": WALLETS}
)
"""The entry point `cift.gateway`."""


def order(kind: str, amount: str, account: str, customer: str) -> Mapping[str, object]:
    """A payment by DemoPoll: the currency chooses the rail."""
    return {"type": kind, "method": "demopay", "amount": amount, "currency": "GHS",
            "customer_id": customer, "payment_method": {"account": account}}  # fmt: skip


async def play(merchant: Merchant, customer: str) -> AsyncIterator[Step]:
    """A deposit."""
    paid = await merchant.paid(order("deposit", "100.00", PAYS, customer))
    yield Step("demopoll_deposit", "A deposit from a wallet", "DemoPoll is asked until it is done.",
               paid["status"], "completed", paid, ("in 10000 GHS",))  # fmt: skip


def environment(place: StackContext) -> Mapping[str, str]:
    """The balance below which withdrawals are refused, and where the signer is."""
    return {"DEMOPOLL_FLOAT_LEAST": "GHS:50.00", "DEMOPOLL_SIGNER": place.processes[SIGNER.name]}


def signer_environment(_place: StackContext) -> Mapping[str, str]:
    """The signing key, which only the signer has."""
    return {"DEMOPOLL_SIGNING_KEY": secrets.token_hex(24)}


SIGNER = LocalProcess(
    name="demopoll-signer",
    module="demopoll_worker.signer",
    port=8087,
    environment=signer_environment,
)


LOCAL = LocalRail(
    worker=DEMOPAY.worker,
    module=DEMOPAY.module,
    port=DEMOPAY.port,
    secrets={},
    environment=environment,
    book=TwinBook("demopoll", places=2, incoming=frozenset({"in"})),
    twin=DEMOPAY.twin,
    processes=(SIGNER,),
    play=play,
    # 100 less 1, less the network's 0.01 USD at 10.9
    final_balance={"GHS": Decimal("98.89")},
)
"""The entry point `cift.local`."""
