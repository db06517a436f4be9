"""Webhooks of a rail's provider: the addresses it posts to, and how its requests are read.

The gateway owns the connection: it limits the body, seals it, stores it and acknowledges it. A
reader is pure: it gets a request's head and body, and says what they prove.
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
    """Where it comes from, as far as our own proxies say; None: unknown."""
    token: str = ""
    """The part of the path after `/callbacks/`."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a request proves."""

    dedupe: bytes
    """Equal for a notice and its repeats, different for any other notice of the provider."""
    source_listed: bool
    """True when the source's address, or a signature, shows that the provider sent it."""
    address: CallbackAddress | None = None
    """The attempt that it is about, when its path names one."""
    quarantined: bool = False
    """True: it is stored for operators, and not passed on to the worker."""
    subject: str | None = None
    """Notices of one subject keep their order; None: the message's own key."""
    logged: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the log line; nothing personal."""


BodyReader = Callable[[bytes], Evidence]
"""From the body of an admitted request to what it proves."""


class WebhookReader(Protocol):
    """Reads the requests of one address."""

    def admit(self, head: WebhookHead) -> BodyReader:
        """Refuse a request whose body need not be read.

        Returns:
            What reads its body: the evidence, or WebhookRefused. The worker verifies what it says.

        Raises:
            WebhookRefused: with the code to answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """What the gateway gives a reader."""

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
    """Who posts here, and what is answered."""
    stored: str
    """What the answer 200 says."""
    example: tuple[str, str, Mapping[str, Any]]
    """A body: its name, its title, its JSON."""
    acknowledgement: Mapping[str, Any]
    """The JSON that the provider expects in the answer 200."""
    refusals: Sequence[str]
    """Codes that the reader refuses with."""
    open: Callable[[Any, WebhookContext], WebhookReader]
    """Makes the reader from the rail's settings."""
    is_limited: bool = False
    """True: anybody can post here, so each source may do so a limited number of times."""
