"""Asynchronous requests: acknowledged at once, executed later, answered at ResultURL.

Source: Daraja documentation, result body of B2C, Transaction Status, Reversal, Account Balance.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Self

from provider_sandbox.daraja import ids
from provider_sandbox.daraja.codes import result_text
from provider_sandbox.daraja.wire import Initiator, render
from provider_sandbox.settings import Settings
from provider_sandbox.twin import Exchange, Twin
from provider_sandbox.webhook_sender import CallbackMode, Notice

Execute = Callable[[Twin, dict[str, Any]], list[int]]
"""Handler of one kind of event: gets the job and its details, schedules the result (``answer``)."""

Parameters = list[tuple[str, object]]
"""Keys and values; with the value None, ``Value`` is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request whose result is posted later."""

    kind: str
    originator_id: str
    conversation_id: str
    result_url: str
    timeout_url: str
    callback_mode: str
    forced_code: str | None
    """Result code that wrong operator credentials force; None otherwise."""

    @classmethod
    def new(
        cls, twin: Twin, kind: str, operator: Initiator, exchange: Exchange, forced: str | None
    ) -> Self:
        """A job with new ids; a matching fault decides how its callback is posted."""
        mode = twin.faults.take_callback_mode(kind, exchange.body) or CallbackMode.ONCE
        return cls(
            kind=kind,
            originator_id=ids.request_id(),
            conversation_id=ids.conversation_id(twin.clock.now()),
            result_url=operator.result_url,
            timeout_url=operator.timeout_url,
            callback_mode=mode.value,
            forced_code=forced,
        )

    def schedule(self, twin: Twin, execute: Execute, details: dict[str, Any]) -> list[int]:
        """Schedule its execution, or execute it now when its callback must precede the answer.

        Returns:
            Callbacks to deliver before the answer.
        """
        payload = {"job": asdict(self), **details}
        with twin.store.transaction():
            if self.callback_mode == CallbackMode.BEFORE_ANSWER:
                return execute(twin, payload)
            twin.scheduled_events.add(self.kind, payload, after_s=twin.settings.result_s)
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of a job."""

    code: str
    transaction_id: str | None = None
    """Receipt; with None, a placeholder is sent instead."""
    parameters: Parameters | None = None
    """Only with code 0."""


def answer(twin: Twin, job: Job, result: Result) -> list[int]:
    """Schedule the posting of the result to ResultURL, in the caller's transaction."""
    body = result_body(
        twin.settings, job, result, placeholder=ids.placeholder_receipt(twin.clock.now())
    )
    notice = Notice(
        provider="daraja",
        kind=job.kind.removeprefix("daraja."),
        about=job.conversation_id,
        url=job.result_url,
        body=render(body).decode(),
        headers={"Content-Type": "application/json;charset=UTF-8"},
    )
    mode = CallbackMode(job.callback_mode)
    settings = twin.settings
    return twin.webhook_sender.send(
        notice, mode, usual_s=settings.callback_lag_s, age_s=settings.result_s
    )


def result_body(
    settings: Settings, job: Job, result: Result, *, placeholder: str
) -> dict[str, Any]:
    """The ``Result`` envelope, in the variant that the settings select."""
    as_number = result.code.isdigit() and not settings.result_code_as_text
    reference: dict[str, object] = {"Key": "QueueTimeoutURL", "Value": job.timeout_url}
    inner: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": int(result.code) if as_number else result.code,
        "ResultDesc": result_text(result.code),
        "OriginatorConversationID": job.originator_id,
        "ConversationID": job.conversation_id,
        "TransactionID": result.transaction_id or placeholder,
        "ReferenceData": {
            "ReferenceItem": [reference] if settings.reference_item_list else reference
        },
    }
    if result.parameters:
        items = [_item(key, value) for key, value in result.parameters]
        inner["ResultParameters"] = {
            "ResultParameter": items[0] if settings.single_parameter else items
        }
    return {"Result": inner}


def _item(key: str, value: object) -> dict[str, object]:
    return {"Key": key} if value is None else {"Key": key, "Value": value}
