"""Bugs where MTN MoMo is called."""

from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import MOMO, Edit

MUTANTS = (
    Mutant(
        "momo-new-reference",
        "a request whose answer was lost is sent again under a new X-Reference-Id",
        "momo_answer_lost",
        ("one_effect_a_command",),
        (
            Edit(
                f"{MOMO}/domain.py",
                "    digest = vault.fingerprint(attempt_id.bytes, context=_REFERENCE_CONTEXT)\n",
                '    moment = __import__("os").urandom(8)\n'
                "    digest = vault.fingerprint(\n"
                "        attempt_id.bytes + moment, context=_REFERENCE_CONTEXT\n"
                "    )\n",
            ),
            Edit(
                f"{MOMO}/sent_requests.py",
                "do update set times = held.times + 1,",
                "do update set reference_id = excluded.reference_id, times = held.times + 1,",
            ),
        ),
    ),
    Mutant(
        "momo-callback-credits",
        "a callback that says SUCCESSFUL credits the payment, and MTN is not asked",
        "momo_forged_callback",
        ("completed_has_moved",),
        (
            Edit(
                f"{MOMO}/moves.py",
                "        steps = [self._notice_step(notice) for notice in notices]\n",
                "        steps = [self._notice_step(notice) for notice in notices]\n"
                '        if any(b"SUCCESSFUL" in notice.body for notice in notices):\n'
                "            return Answer(Settled(attempt.request.amount), evidence=steps)\n",
            ),
        ),
    ),
    Mutant(
        "momo-404-fails",
        "a request that MTN does not show yet is taken for one that failed",
        "momo_not_visible",
        ("movements_are_known",),
        (
            Edit(
                f"{MOMO}/moves.py",
                "        if attempt.ended or is_early or is_late:\n"
                "            return Answer(Pending())\n",
                "        if attempt.ended or is_early or is_late:\n"
                "            return Answer(Declined(codes.FAILED))\n",
            ),
        ),
    ),
)
