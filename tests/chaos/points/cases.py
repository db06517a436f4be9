"""Which scenario passes which fail point: every point of every service, for each method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cift_shared.messaging import topics
from tests.chaos.scenarios import others, payments
from tests.chaos.scenarios.context import Scenario

SCENARIOS: Mapping[str, Scenario] = {
    "mpesa deposit": payments.deposit("mpesa"),
    "mpesa deposit, unknown outcome": payments.deposit_with_unknown_outcome,
    "mpesa callback lost": payments.lost_callback,
    "mpesa callback lost, new registration": payments.lost_callback_new_registration,
    "mpesa callback": payments.late_callback,
    "mpesa withdrawal": payments.withdrawal,
    "mpesa withdrawal, new token": payments.withdrawal_with_a_new_token,
    "mpesa refund": payments.refund("mpesa"),
    "mpesa refund in part": payments.refund("mpesa", "100.00"),
    "mpesa cancellation": payments.cancellation("mpesa", "daraja.stk", "spike_arrest"),
    "mpesa after a kill": payments.after_a_kill("mpesa"),
    "mpesa no result": payments.no_result("mpesa"),
    "mpesa verification": payments.verification("mpesa"),
    "mpesa garbage": others.garbage(topics.commands("mpesa")),
    "phone saved": others.saved_phone,
    "phone forgotten": others.forgotten_phone,
    "conversion": others.conversion,
    "hold": others.expiring_hold,
    "card deposit": payments.deposit("card"),
    "card 3ds": payments.three_d_secure,
    "card declined": payments.declined_card,
    "card refund": payments.refund("card"),
    "card refund in part": payments.refund("card", "5.00"),
    "card refund fails later": payments.refund_that_fails_later,
    "card dispute": payments.dispute,
    "card saved": others.saved_card("pm_card_visa", "active"),
    "card not saved": others.saved_card(payments.DECLINED, "failed"),
    "card forgotten": others.forgotten_card,
    "card cancellation": payments.cancellation("card", "stripe.payment_intents.create", "http_429"),
    "refused payout": payments.refused_payout,
    "refused refund": payments.refused_refund,
    "card after a kill": payments.after_a_kill("card"),
    "card no result": payments.no_result("card"),
    "card verification": payments.verification("card"),
    "card garbage": others.garbage(topics.commands("card")),
    "card answers garbage": others.garbage(topics.METHOD_RESULTS),
    "results garbage": others.garbage(topics.RESULTS),
}

_BOTH = ("mpesa deposit", "card deposit")
_MOVING = ("mpesa withdrawal", "mpesa refund", "mpesa refund in part")
_CARDS = ("card deposit", "card refund", "card saved", "card forgotten")

_GATEWAY: Mapping[str, Sequence[str]] = {
    "gateway.before_commit": (
        *_BOTH, "mpesa withdrawal", "mpesa refund", "card refund", "conversion", "refused payout",
    ),
    "gateway.after_commit": (
        *_BOTH, "mpesa withdrawal", "mpesa refund", "card refund", "conversion", "refused payout",
    ),
    "gateway.before_refusal": ("refused refund",),
    "gateway.after_refusal": ("refused refund",),
    "gateway.before_cancel": ("mpesa cancellation", "card cancellation"),
    "gateway.after_cancel": ("mpesa cancellation", "card cancellation"),
    "gateway.before_verify": ("mpesa verification", "card verification"),
    "gateway.after_verify": ("mpesa verification", "card verification"),
    "gateway.before_notice": ("mpesa callback", "card 3ds"),
    "gateway.after_notice": ("mpesa callback", "card 3ds"),
    "gateway.before_reply": (*_BOTH, "card saved", "phone saved"),
    "gateway.before_kept": ("phone saved",),
    "gateway.after_kept": ("phone saved",),
    "gateway.before_kept_deleted": ("phone forgotten",),
    "gateway.after_kept_deleted": ("phone forgotten",),
    "gateway.before_setup_stored": ("card saved",),
    "gateway.after_setup_stored": ("card saved",),
    "gateway.before_detach": ("card forgotten",),
    "gateway.after_detach": ("card forgotten",),
    "gateway.before_method_result": ("card saved", "card forgotten"),
    "gateway.after_method_result": ("card saved", "card forgotten"),
    "relay.before_publish": _BOTH,
    "relay.after_publish": _BOTH,
    "relay.after_delete": _BOTH,
    "subscriber.after_poll": ("card saved",),
    "subscriber.before_letters": ("card answers garbage",),
    "subscriber.after_letters": ("card answers garbage",),
    "subscriber.before_commit": ("card saved",),
    "subscriber.after_commit": ("card saved",),
}  # fmt: skip
_LEDGER: Mapping[str, Sequence[str]] = {
    "ledger.before_apply": _BOTH,
    "ledger.after_apply": _BOTH,
    "ledger.after_aftermath": ("card dispute", "card refund fails later"),
    "ledger.after_sweep": ("mpesa no result", "card no result"),
    "ledger.after_expiry": ("hold",),
    "ledger.after_mark": ("mpesa deposit",),
    "ledger.after_seal": _BOTH,
    "relay.before_publish": _BOTH,
    "relay.after_publish": _BOTH,
    "relay.after_delete": _BOTH,
    "subscriber.after_poll": _BOTH,
    "subscriber.before_letters": ("results garbage",),
    "subscriber.after_letters": ("results garbage",),
    "subscriber.before_commit": _BOTH,
    "subscriber.after_commit": _BOTH,
}
_MPESA: Mapping[str, Sequence[str]] = {
    "worker.before_ingest_commit": ("mpesa deposit", "mpesa withdrawal"),
    # the claim may have been faster than the death: then the push may be out, or may not
    "worker.after_ingest": ("mpesa deposit, unknown outcome", "mpesa withdrawal"),
    "worker.before_cancel_commit": ("mpesa cancellation",),
    "worker.after_cancel": ("mpesa cancellation",),
    "worker.before_notices_commit": ("mpesa callback",),
    "worker.after_notices": ("mpesa callback",),
    "worker.after_verify": ("mpesa verification",),
    "worker.after_release": ("mpesa after a kill",),
    "worker.before_call": ("mpesa deposit, unknown outcome", *_MOVING),
    "worker.after_call": ("mpesa deposit", *_MOVING),
    "worker.before_check": ("mpesa deposit", *_MOVING),
    "worker.after_check": ("mpesa deposit", *_MOVING),
    "worker.after_save": ("mpesa deposit", *_MOVING),
    "mpesa.before_request": ("mpesa deposit, unknown outcome", *_MOVING),
    "mpesa.after_request": ("mpesa deposit", *_MOVING),
    "mpesa.after_reference": ("mpesa deposit, unknown outcome",),
    "mpesa.after_round_claimed": ("mpesa callback lost",),
    "mpesa.after_registration": ("mpesa callback lost, new registration",),
    "mpesa.after_rows": ("mpesa callback lost",),
    "mpesa.after_hints": ("mpesa callback lost",),
    "mpesa.before_coverage": ("mpesa callback lost",),
    "mpesa.after_token": ("mpesa withdrawal, new token",),
    "mpesa.before_token_commit": ("mpesa withdrawal, new token",),
    "relay.before_publish": ("mpesa deposit",),
    "relay.after_publish": ("mpesa deposit",),
    "relay.after_delete": ("mpesa deposit",),
    "subscriber.after_poll": ("mpesa deposit", "mpesa callback"),
    "subscriber.before_letters": ("mpesa garbage",),
    "subscriber.after_letters": ("mpesa garbage",),
    "subscriber.before_commit": ("mpesa deposit, unknown outcome", "mpesa callback"),
    "subscriber.after_commit": ("mpesa deposit, unknown outcome", "mpesa callback"),
}
_CARD: Mapping[str, Sequence[str]] = {
    "worker.before_ingest_commit": ("card deposit", "card saved"),
    "worker.after_ingest": ("card deposit", "card saved"),
    "worker.before_cancel_commit": ("card cancellation",),
    "worker.after_cancel": ("card cancellation",),
    "worker.before_notices_commit": ("card 3ds",),
    "worker.after_notices": ("card 3ds",),
    "worker.after_verify": ("card verification",),
    "worker.after_release": ("card after a kill",),
    "worker.before_call": _CARDS,
    "worker.after_call": _CARDS,
    "worker.before_check": ("card deposit", "card saved"),
    "worker.after_check": ("card deposit", "card saved"),
    "worker.after_save": _CARDS,
    "card.before_create": ("card deposit",),
    "card.after_create": ("card deposit",),
    "card.before_confirm": ("card deposit",),
    "card.after_confirm": ("card deposit",),
    "card.before_cancel": ("card declined",),
    "card.after_cancel": ("card declined",),
    "card.before_refund": ("card refund", "card refund in part"),
    "card.after_refund": ("card refund", "card refund in part"),
    "card.after_refund_look": ("card refund fails later",),
    "card.after_look": ("card dispute",),
    "card.after_dispute_read": ("card dispute",),
    "card.before_customer": ("card saved",),
    "card.after_customer": ("card saved",),
    "card.after_customer_kept": ("card saved",),
    "card.before_setup": ("card saved",),
    "card.after_setup": ("card saved",),
    "card.before_setup_confirm": ("card saved",),
    "card.after_setup_confirm": ("card saved",),
    "card.before_setup_cancel": ("card not saved",),
    "card.after_setup_cancel": ("card not saved",),
    "card.before_detach": ("card forgotten",),
    "card.after_detach": ("card forgotten",),
    "relay.before_publish": ("card deposit",),
    "relay.after_publish": ("card deposit",),
    "relay.after_delete": ("card deposit",),
    "subscriber.after_poll": ("card deposit", "card 3ds"),
    "subscriber.before_letters": ("card garbage",),
    "subscriber.after_letters": ("card garbage",),
    "subscriber.before_commit": ("card deposit", "card 3ds"),
    "subscriber.after_commit": ("card deposit", "card 3ds"),
}
TABLE: Mapping[str, Mapping[str, Sequence[str]]] = {
    "gateway": _GATEWAY,
    "ledger": _LEDGER,
    "mpesa-worker": _MPESA,
    "card-worker": _CARD,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One death: who, where, and during what."""

    service: str
    point: str
    scenario: str

    def __str__(self) -> str:
        return f"{self.service} dies at {self.point} during {self.scenario}"


def all_cases() -> list[Case]:
    """Every case, by service."""
    return [
        Case(service, point, name)
        for service, points in TABLE.items()
        for point, names in points.items()
        for name in names
    ]
