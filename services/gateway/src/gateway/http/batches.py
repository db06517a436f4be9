"""Batches: many requests in one body, each of them judged and answered as if it came alone.

The body as a whole is refused only if it can't be read as a list of items, or exceeds the rate.
Each item passes the checks of the single route: text, card numbers, fields, scope, idempotency key.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, StringConstraints, ValidationError, WrapValidator

from cift_shared.errors import InvalidCommand, RateStale
from gateway.database.groups import GROUP_MAX
from gateway.http.admission import Admission
from gateway.http.api_route import ApiRoute
from gateway.http.failures import problem_of_failure
from gateway.http.json_body import check_texts, parse_json
from gateway.http.parts import parts_of
from gateway.problems.problem import MEDIA_TYPE, Problem, as_problem, problem_response

ITEMS_MAX = 500
BATCH_BODY_BYTES_MAX = 1024 * 1024
AT_ONCE = GROUP_MAX
"""Items of one batch that are judged at a time: a batch leaves room for the requests of others."""
ITEMS, KEY = "items", "idempotency_key"

IdempotencyKey = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=r"^[!#-~][!-~]*$"),
    Field(examples=["order-1001"]),
]
Item = TypeVar("Item", bound=BaseModel)
Items = Annotated[
    list[Annotated[Item, WrapValidator(lambda given, _: given)]],
    Field(min_length=1, max_length=ITEMS_MAX),
]
"""The items of a batch as they were sent: `read_item` validates each of them for itself."""
Judge = Callable[[Any], Awaitable[Response]]


class BatchRoute(ApiRoute):
    """A route whose body is a list of items."""

    body_bytes_max = BATCH_BODY_BYTES_MAX

    def read_document(self, body: bytes) -> Any:
        """The document; the texts of its items are checked with each item.

        Raises:
            Problem: as `read_json`, for what is not part of an item.
        """
        document = parse_json(body)
        if _items_of(document) is None:
            check_texts(document)
        else:
            check_texts({**document, ITEMS: None})
        return document

    def admit_document(self, request: Request, document: Any) -> None:
        """Count every item as a request of the API key; the request itself was the first.

        Raises:
            Problem: too_many_requests.
        """
        more = len(_items_of(document) or ()) - 1
        if more > 0:
            parts_of(request)[Admission].count(request.state.caller, more)


def _items_of(document: Any) -> list[Any] | None:
    items = document.get(ITEMS) if isinstance(document, dict) else None
    return items if isinstance(items, list) else None


def read_item(model: type[Item], given: Any) -> Item:
    """An item as its model.

    Raises:
        Problem: text that can't be stored, or a card number.
        RequestValidationError: fields are missing, unknown or invalid.
    """
    check_texts(given)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found) from error


def request_of(given: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """The body that a single request with this item would have."""
    return {name: value for name, value in given.items() if name not in (KEY, *without)}


async def batch_answer(request: Request, items: Sequence[Any], judge: Judge) -> Response:
    """The answer with what `judge` answers to each item, in the order of the items.

    Items with the same key are judged one after the other, so the second is a repeat of the first.
    """
    places: defaultdict[object, list[int]] = defaultdict(list)
    for place, item in enumerate(items):
        places[_key_of(item, place)].append(place)
    answers: dict[int, Response] = {}
    room = asyncio.Semaphore(AT_ONCE)

    async def judge_in_turn(same_key: Sequence[int]) -> None:
        async with room:
            for place in same_key:
                answers[place] = await _judged(request, judge, items[place])

    await asyncio.gather(*(judge_in_turn(same_key) for same_key in places.values()))
    shown = b",".join(_shown(answers[place]) for place in range(len(items)))
    return Response(b'{"items":[' + shown + b"]}", media_type="application/json")


def _key_of(item: Any, place: int) -> object:
    """What two items with the same idempotency key share; an item without a key is on its own."""
    key = item.get(KEY) if isinstance(item, dict) else None
    return key if isinstance(key, str) else place


async def _judged(request: Request, judge: Judge, item: Any) -> Response:
    try:
        return await judge(item)
    except (Problem, InvalidCommand, RateStale, RequestValidationError) as error:
        problem = as_problem(error)
    except Exception as error:  # noqa: BLE001  each item has an answer, whatever happens to it
        problem = await problem_of_failure(request.scope, error)
    return problem_response(problem, request.scope["state"]["instance"])


def _shown(answer: Response) -> bytes:
    """The answer of a single request as an element of the batch's answer."""
    refused = answer.media_type == MEDIA_TYPE
    head = {
        "status": answer.status_code,
        "location": answer.headers.get("location"),
        "replayed": "idempotency-replayed" in answer.headers,
    }
    named, empty = (b"problem", b"body") if refused else (b"body", b"problem")
    rest = b',"%b":%b,"%b":null}' % (named, bytes(answer.body), empty)
    return json.dumps(head, separators=(",", ":")).encode()[:-1] + rest
