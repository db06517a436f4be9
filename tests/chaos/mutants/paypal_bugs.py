"""Bugs where PayPal is called."""

from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import PAYPAL, Edit

MUTANTS = (
    Mutant(
        "paypal-capture-blind",
        "an order whose capture's answer was lost is captured again, and never read",
        "paypal_capture_answer_lost",
        ("movements_are_known",),
        (
            Edit(
                f"{PAYPAL}/domain.py",
                'return f"{attempt_id}:capture:{approval}" if approval',
                'return f"{attempt_id}:capture:{approval}" + __import__("os").urandom(4).hex()\n'
                '    return f"{attempt_id}:capture:{approval}" if approval',
            ),
            Edit(
                f"{PAYPAL}/deposits.py",
                'if memory.get("approved") == str(attempt.checks):',
                'if memory.get("approved"):',
            ),
            Edit(
                f"{PAYPAL}/deposits.py",
                "            order = await context.api.read_order(order_id)\n"
                "            return await self._decide(attempt, order, sent=True)\n",
                "            failure = issues.INSTRUMENT_DECLINED\n"
                '            return self._declined("capture.refused", failure, issue)\n',
            ),
            Edit(
                f"{PAYPAL}/deposits.py",
                "if order_id is None or not notices:",
                "if order_id is None or notices:",
            ),
        ),
    ),
    Mutant(
        "paypal-payout-again",
        "a payout that may have been sent is sent again when PayPal may have forgotten its id",
        "paypal_payout_forgotten",
        ("one_effect_a_command",),
        (
            Edit(
                f"{PAYPAL}/payout_waits.py",
                "return age < RESEND_FOR",
                "return age > timedelta(0)",
            ),
        ),
    ),
    Mutant(
        "paypal-order-credits",
        "a completed order credits its payment, whatever its capture says",
        "paypal_capture_declined",
        ("completed_has_moved",),
        (
            Edit(
                f"{PAYPAL}/deposits.py",
                "        if capture is not None:\n"
                "            return self._decide_capture(attempt, capture)\n",
                "        if capture is not None:\n"
                '            capture = capture.model_copy(update={"status": order.status})\n'
                "            return self._decide_capture(attempt, capture)\n",
            ),
        ),
    ),
    Mutant(
        "paypal-places-unstored",
        "which withdrawals share a batch is not stored before it is sent",
        "paypal_batch_sender_dies",
        ("one_effect_a_command",),
        (
            Edit(
                f"{PAYPAL}/records.py",
                "return cls(StoredConsents(pool), StoredPlaces(pool))",
                "return cls(StoredConsents(pool))",
            ),
        ),
    ),
)
