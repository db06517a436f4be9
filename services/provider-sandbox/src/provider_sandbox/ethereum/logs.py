"""The filter of `eth_getLogs`."""

from dataclasses import dataclass
from typing import Any

from provider_sandbox.ethereum import parameters as given
from provider_sandbox.ethereum.parameters import bytes_shown

_MOST_TOPICS, _MOST_ALTERNATIVES = 4, 1000


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which logs are wanted."""

    addresses: frozenset[str]
    """Empty: any."""
    topics: tuple[frozenset[str], ...]
    """The allowed values by position; an empty set: any."""

    def matches(self, log: dict[str, Any]) -> bool:
        """True if the log is wanted."""
        if self.addresses and log["address"] not in self.addresses:
            return False
        if len(self.topics) > len(log["topics"]):
            return False
        pairs = zip(self.topics, log["topics"], strict=False)
        return all(not allowed or topic in allowed for allowed, topic in pairs)


def read_filter(wanted: dict[str, Any]) -> LogFilter:
    """The filter in a request.

    Raises:
        RpcError: it has a wrong form.
    """
    addresses = _values(wanted.get("address"), given.address)
    topics = wanted.get("topics") or []
    if not isinstance(topics, list) or len(topics) > _MOST_TOPICS:
        raise given.invalid(0, "invalid topic(s)")
    return LogFilter(addresses, tuple(_values(one, given.hash_of) for one in topics))


def _values(value: Any, read: Any) -> frozenset[str]:
    """One value or a list of alternatives; null or an empty list: any."""
    if value is None:
        return frozenset()
    values = value if isinstance(value, list) else [value]
    if len(values) > _MOST_ALTERNATIVES:
        raise given.invalid(0, "exceed max addresses or topics per search position")
    return frozenset(bytes_shown(read(one, 0)) for one in values)
