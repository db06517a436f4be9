"""The saved account of a deposit's payer: its approval lets us take money without the payer."""

from cift_shared.attempts.processor import Attempt
from cift_shared.messaging.messages import RequestDeposit
from cift_shared.messaging.outcomes import Failure
from paypal_method.accounts import Account, account_of
from paypal_worker import issues
from paypal_worker.context import Context


def saved_account(context: Context, attempt: Attempt) -> Account | Failure | None:
    """The saved account; None when the payer chooses one at PayPal.

    A failure: it can't be decrypted, or the payer is absent and has not approved.
    """
    sealed = attempt.request.instrument.sealed
    text = context.open(sealed) if sealed else ""
    account = account_of(text) if text else None
    if text is None or (text and account is None):
        return issues.ACCOUNT_UNREADABLE
    if is_off_session(attempt) and not (account and account.token):
        return issues.ACCOUNT_NOT_APPROVED
    return account


def pays_at_once(context: Context, attempt: Attempt) -> bool:
    """True for an order with a saved approval: its creation takes the money."""
    account = saved_account(context, attempt)
    return isinstance(account, Account) and account.token is not None


def is_off_session(attempt: Attempt) -> bool:
    """True when the payer is absent and can't approve."""
    request = attempt.request
    return isinstance(request, RequestDeposit) and request.off_session
