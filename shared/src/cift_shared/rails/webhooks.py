"""Webhooks of a rail's provider: the addresses it posts to, and how its requests are read.

The gateway handles the connection: it limits the body, seals it, stores it and acknowledges it. A
reader is pure: it gets a request's head and body, and returns the evidence in them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cift_shared.clock import Clock
from cift_shared.networks import Address
from cift_shared.security.callback_token import CallbackAddress, CallbackTokens


class WebhookRefused(Exception):
    """A request that is not stored.

    Attributes:
        code: the code of the problem that is answered.
        detail: one sentence for the developer of the sender; never repeats what was sent.
    """

    def __init__(self, code: str, detail: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class WebhookHead:
    """A request before its body is read."""

    header: Callable[[str], Sequence[str]]
    """Every value of a header."""
    source: Address | None
    """The client's address, from our own proxies; None: unknown."""
    token: str = ""
    """The part of the path after `/callbacks/`."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence in a request."""

    dedupe: bytes
    """Deduplication key: equal for a notice and its repeats, different for any other notice."""
    source_listed: bool
    """True when the source's address, or a signature, shows that the provider sent it."""
    address: CallbackAddress | None = None
    """The attempt that it is about, when its path names one."""
    quarantined: bool = False
    """True: it is stored for operators, and not passed on to the worker."""
    content: bytes | None = None
    """What is sealed for the worker, if it needs more than the body, such as signed headers; None:
    the body."""
    subject: str | None = None
    """Notices of one subject keep their order; None: the message's own key."""
    acknowledgement: Mapping[str, Any] | None = None
    """The JSON of the answer 200, if it repeats a part of the request; None: the route's."""
    logged: Mapping[str, Any] = field(default_factory=dict)
    """Additional fields of the log line; no personal data."""


BodyReader = Callable[[bytes], Evidence]
"""Reads the body of an admitted request; returns the evidence or raises WebhookRefused."""


class WebhookReader(Protocol):
    """Reads the requests of one address."""

    def admit(self, head: WebhookHead) -> BodyReader:
        """Refuse a request by its head, before its body is read.

        Returns:
            The reader of its body. The worker verifies the evidence.

        Raises:
            WebhookRefused: with the code to answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """The objects of the gateway that a reader uses."""

    livemode: bool
    clock: Clock
    tokens: CallbackTokens


@dataclass(frozen=True, slots=True)
class WebhookRoute:
    """One address that a provider posts to, and its texts in the OpenAPI document."""

    path: str
    """Below `/api/v1`; `{token}` stands for the secret of one call."""
    operation: str
    """The operation's id in the OpenAPI document."""
    about: str
    """The description: who posts here, and the answers."""
    stored: str
    """The description of the answer 200."""
    example: tuple[str, str, Mapping[str, Any]]
    """A body: its name, its title, its JSON."""
    acknowledgement: Mapping[str, Any]
    """The JSON that the provider expects in the answer 200, unless the evidence has another."""
    refusals: Sequence[str]
    """Codes of the problems with which the reader refuses."""
    open: Callable[[Any, WebhookContext], WebhookReader]
    """Makes the reader from the rail's settings."""
    is_limited: bool = False
    """True: the address is public without a secret, so the requests of each source are limited."""
    methods: Sequence[str] = ("POST",)
    """The HTTP methods with which the provider posts."""
