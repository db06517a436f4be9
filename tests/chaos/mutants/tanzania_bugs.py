"""Bugs where Vodacom is called."""

from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import VODACOM, Edit

MUTANTS = (
    Mutant(
        "tanzania-duplicate-fails",
        "Vodacom's answer that a key was used before counts as a refusal",
        "tanzania_duplicate_key",
        ("movements_are_known",),
        (
            Edit(
                f"{VODACOM}/codes.py",
                '    "INS-10": Meaning.DUPLICATE,\n',
                '    "INS-10": Meaning.DECLINED,\n',
            ),
        ),
    ),
    Mutant(
        "tanzania-notice-credits",
        "a notice that reports success credits its payment, whatever its ids and the query say",
        "tanzania_forged_notice",
        ("completed_has_moved",),
        (
            Edit(
                f"{VODACOM}/payments.py",
                "        if known and found.conversation_id != known:\n",
                "        if known and not found.code:\n",
            ),
            Edit(
                f"{VODACOM}/payments.py",
                "proven = attempt.memory.get(CONVERSATION) and found.code == codes.SUCCESS",
                "proven = found.code == codes.SUCCESS",
            ),
            Edit(
                f"{VODACOM}/payments.py",
                "        if status.word == codes.COMPLETED:\n",
                "        if status.word == codes.COMPLETED or told_receipt:\n",
            ),
        ),
    ),
    Mutant(
        "tanzania-payout-new-key",
        "a payout whose answer was lost is sent again under another key",
        "tanzania_payout_answer_lost",
        ("one_effect_a_command",),
        (
            Edit(
                f"{VODACOM}/context.py",
                "        return domain.request_key(attempt.attempt_id, round_of(attempt))\n",
                "        number = round_of(attempt) + attempt.checks % 900\n"
                "        return domain.request_key(attempt.attempt_id, number)\n",
            ),
        ),
    ),
)
