"""Bugs where providers are called and heard."""

from tests.chaos.mutants.mutant import Mutant
from tests.chaos.mutants.source import CARD, MPESA, SHARED, Edit

ATTEMPTS = f"{SHARED}/attempts"

MUTANTS = (
    Mutant(
        "retry-unknown",
        "a push whose answer was lost is sent again without asking",
        "push_answer_and_callback_lost",
        ("one_request_taken", "one_effect_a_command"),
        (Edit(f"{MPESA}/processor.py", 'return operation != "deposit"', "return bool(operation)"),),
    ),
    Mutant(
        "push-again-after-crash",
        "a push that a crash interrupted is sent again",
        "worker_dies_after_a_push",
        ("one_request_taken", "one_effect_a_command"),
        (
            Edit(
                f"{ATTEMPTS}/engine.py",
                'if claim.state == "sending" and not safe:',
                'if claim.state == "never" and not safe:',
            ),
        ),
    ),
    Mutant(
        "call-before-store",
        "the provider is called before it is stored that it is",
        "worker_dies_after_a_push",
        ("one_request_taken", "one_effect_a_command"),
        (
            Edit(
                f"{ATTEMPTS}/queries.py",
                "state = case when due.state = 'ready' then 'sending' else held.state end,",
                "state = held.state,",
            ),
            # Without this one, no push gets a reference before its attempt is in state `sending`.
            Edit(f"{MPESA}/pushes.py", "attempt.state = 'sending')", "attempt.state <> 'done')"),
        ),
    ),
    Mutant(
        "fencing-dropped",
        "a worker whose lease is over still writes",
        "slow_payout",
        ("ends_are_ends_for_the_worker",),
        (
            Edit(
                f"{ATTEMPTS}/queries.py",
                "where held.attempt_id = input.attempt_id and held.lease = input.lease\n",
                "where held.attempt_id = input.attempt_id\n",
            ),
            Edit(
                f"{ATTEMPTS}/store.py",
                "LEASE = timedelta(seconds=60)",
                "LEASE = timedelta(seconds=1)",
            ),
        ),
    ),
    Mutant(
        "answer-is-failure",
        "a lost answer is told as a failure",
        "push_answer_and_callback_lost",
        ("movements_are_known",),
        (
            Edit(
                f"{ATTEMPTS}/state_machine.py",
                "    if isinstance(error, OutcomeUnknown):\n        return _unknown(",
                "    if isinstance(error, OutcomeUnknown):\n"
                "        error = ProviderRejectedRequest(error.code, str(error))\n"
                "    if isinstance(error, OutcomeUnknown):\n        return _unknown(",
            ),
        ),
    ),
    Mutant(
        "notice-trusted",
        "a callback's word is taken without asking the provider",
        "forged_success",
        ("providers_hold_what_the_books_say", "completed_has_moved"),
        (
            Edit(
                f"{MPESA}/deposits.py",
                "        try:\n            state = await self._query_daraja(checkout_id)\n",
                "        if summary.reported.paid:\n"
                '            answer = self._pending(summary, self._context.step("told"))\n'
                "            amount = summary.reported.amount or attempt.request.amount\n"
                "            return replace(answer, outcome=Settled(amount))\n"
                "        try:\n            state = await self._query_daraja(checkout_id)\n",
            ),
        ),
    ),
    Mutant(
        "stripe-key-per-try",
        "each try of a refund carries a new idempotency key, and none is looked for",
        "refund_answer_lost",
        ("one_effect_a_command",),
        (
            Edit(
                f"{CARD}/domain.py",
                'return f"{attempt_id}-{call}-{number}"',
                'return f"{attempt_id}-{call}-{number}-" + __import__("os").urandom(4).hex()',
            ),
            Edit(
                f"{CARD}/refunds.py",
                "found = await self._context.api.find_refund(str(attempt.attempt_id), intent_id)",
                "found = None",
            ),
        ),
    ),
)
