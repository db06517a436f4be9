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
        "a payout whose answer was lost is queried, and then sent again, under another key",
        "tanzania_payout_answer_lost",
        ("one_effect_a_command",),
        (
            Edit(
                f"{VODACOM}/payments.py",
                "        status = await self._query(attempt)\n",
                "        if requests.pays_out(attempt) and not is_accepted(attempt):\n"
                '            attempt = replace(attempt, memory={**attempt.memory, ROUND: "1"})\n'
                "        status = await self._query(attempt)\n",
            ),
            Edit(
                f"{VODACOM}/payments.py",
                "        return replace(answer, evidence=[step, *answer.evidence])\n",
                '        told = {**answer.memory, ROUND: "1"}\n'
                "        return replace(answer, memory=told, evidence=[step, *answer.evidence])\n",
            ),
        ),
    ),
)
