"""`cift keys new`: make new keys for services, as lines of an environment file."""

import base64
import itertools
import secrets

import click

from cift_shared.cli.command import command
from cift_shared.cli.errors import environment
from cift_shared.cli.lazy import Lazy, LazyGroup
from cift_shared.cli.output import Output

DATA_KEYS, INDEX_KEY, CALLBACK_KEY = "CIFT_DATA_KEYS", "CIFT_INDEX_KEY", "CIFT_CALLBACK_KEY"
_KEY_BYTES = 32

_INDEX = (Lazy("new", "cift_shared.cli.keys:new", "Print fresh keys as lines for an .env file."),)


@click.group("keys", cls=LazyGroup, index=lambda: _INDEX)
def keys() -> None:
    """Make the keys that services need."""


@command("new")
@click.option(
    "--rotate",
    is_flag=True,
    help=f"Print only {DATA_KEYS}: a new key in front of those that are set now.",
)
def new(rotate: bool) -> Output:
    """Print fresh random keys as lines for an .env file. They are not stored anywhere.

    Gateway and workers share these keys. With --rotate, new data are sealed under the new key and
    the old keys still open what they sealed.
    """
    lines = {DATA_KEYS: _rotated(environment(DATA_KEYS))} if rotate else fresh_keys()
    texts = [f"{name}={value}" for name, value in lines.items()]
    return Output(lines, texts, texts)


def fresh_keys() -> dict[str, str]:
    """A new set of keys by the names of their settings."""
    return {
        DATA_KEYS: f"k1:{_random_key()}",
        INDEX_KEY: _random_key(),
        CALLBACK_KEY: _random_key(),
    }


def _rotated(data_keys: str) -> str:
    """The current keys with a new one before them, under the first free id of k1, k2, ...

    Raises:
        SettingsInvalid: the current keys can't be used.
    """
    from cift_shared.security.field_encryption import Vault  # noqa: PLC0415  imports cryptography

    Vault.from_text(data_keys, _random_key())
    taken = {entry.strip().partition(":")[0] for entry in data_keys.split(",")}
    free = next(name for number in itertools.count(1) if (name := f"k{number}") not in taken)
    return f"{free}:{_random_key()},{data_keys}"


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
