"""The virtual phones: a number's behaviour is set by hand or selected by its last three digits."""

from provider_sandbox.daraja.behaviours import BEHAVIOURS, BY_SUFFIX, Behaviour, Pace
from provider_sandbox.faults import Kind
from provider_sandbox.settings import Settings
from provider_sandbox.twin import Twin

PUBLIC_TEST_PHONE = "254708374149"
"""Safaricom's public test number."""


def behaviour_of(msisdn: str, *, chosen: str | None, settings: Settings) -> Behaviour:
    """The behaviour of a number: set by hand, else the test phone's, else by suffix, else pays."""
    if chosen is not None:
        return BEHAVIOURS[chosen]
    if msisdn == PUBLIC_TEST_PHONE:
        return BEHAVIOURS[settings.public_test_phone]
    if settings.suffix_behaviours and msisdn[-3:] in BY_SUFFIX:
        return BY_SUFFIX[msisdn[-3:]]
    return BEHAVIOURS["pays"]


def stk_timing_s(pace: Pace, settings: Settings) -> tuple[float, float]:
    """When a deposit ends and when its callback is posted, in seconds from submission."""
    ends = {
        Pace.SUCCESS: settings.success_s,
        Pace.CANCEL: settings.cancel_s,
        Pace.UNREACHABLE: settings.unreachable_s,
        Pace.REFUSAL: settings.refusal_s,
        Pace.LONG: settings.long_s,
        Pace.NEVER: settings.never_s,
    }[pace]
    if pace is Pace.UNREACHABLE:
        return ends, max(ends, settings.unreachable_callback_s)
    return ends, ends + settings.callback_lag_s


def look_up(twin: Twin, msisdn: str) -> Behaviour:
    """The current behaviour of this number."""
    row = twin.store.one("SELECT behaviour FROM daraja_phones WHERE msisdn = ?", (msisdn,))
    chosen = None if row is None else row["behaviour"]
    return behaviour_of(msisdn, chosen=chosen, settings=twin.settings)


def submit_fault(twin: Twin, msisdn: str, behaviour: Behaviour) -> Kind | None:
    """The fault that hits this submission, or None.

    Where every other submission is hit, this stores whether this one was.
    """
    if not behaviour.submit_alternates:
        return behaviour.submit
    row = twin.store.one("SELECT refused_last FROM daraja_phones WHERE msisdn = ?", (msisdn,))
    refuse = row is None or not row["refused_last"]
    twin.store.execute(
        "INSERT INTO daraja_phones (msisdn, refused_last) VALUES (?, ?)"
        " ON CONFLICT (msisdn) DO UPDATE SET refused_last = excluded.refused_last",
        (msisdn, int(refuse)),
    )
    return behaviour.submit if refuse else None
