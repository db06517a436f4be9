"""3-D Secure: a challenge that the cardholder passes, fails, or leaves open.

Source: docs.stripe.com/payments/3d-secure/authentication-flow.
"""

from typing import Any, Literal

from provider_sandbox.stripe.cards import Behaviour
from provider_sandbox.stripe.objects import Record
from provider_sandbox.stripe.request_context import RequestContext

DECIDE = "stripe.challenge"
Outcome = Literal["approve", "fail"]


def is_needed(
    method: Record, rules: Behaviour, *, off_session: bool, options: dict[str, Any] | None
) -> bool:
    """True when the bank requires the cardholder's authentication."""
    if rules.challenge == "always":
        return True
    if rules.challenge == "on_session":
        return not off_session
    three_d_secure = ((options or {}).get("card") or {}).get("request_three_d_secure")
    is_requested = three_d_secure in ("any", "challenge") and not off_session
    return rules.challenge == "unless_set_up" and (is_requested or not method.hidden["set_up"])


def begin(context: RequestContext, intent: Record, *, return_url: str | None) -> None:
    """Open a challenge; the intent's next action has the address for the cardholder."""
    source = context.ids.make("src")
    intent.hidden["challenge"] = source
    intent.hidden["return_url"] = return_url
    url = f"{_pages(context)}/sandbox/3ds/{intent.id}/{source}"
    if return_url is None:
        action = {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "source": source,
                "stripe_js": url,
                "type": "three_d_secure_redirect",
            },
        }
    else:
        action = {
            "type": "redirect_to_url",
            "redirect_to_url": {"return_url": return_url, "url": url},
        }
    intent.body["status"] = "requires_action"
    intent.body["next_action"] = action
    settings = context.twin.settings
    if settings.stripe_3ds != "waits":
        after_s = settings.stripe_challenge_s
        context.later(DECIDE, intent, after_s=after_s, source=source, outcome=settings.stripe_3ds)


def is_open(intent: Record, source: str) -> bool:
    """True when the challenge is still open."""
    return intent.status == "requires_action" and intent.hidden.get("challenge") == source


def _pages(context: RequestContext) -> str:
    settings = context.twin.settings
    return settings.stripe_pages_url.rstrip("/") or f"http://127.0.0.1:{settings.http_port}"
