"""`cift api-key`: make, list and revoke API keys.

Run by an operator whose database login owns the schema; the service itself can only read keys.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import asyncpg
import click
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from cift_shared.clock import SystemClock
from cift_shared.errors import CiftError
from cift_shared.settings import load_settings
from cift_shared.vault import Vault
from gateway.auth import SCOPES
from gateway.key_format import ApiKeyText, Mode, new_key

_INSERT = """
insert into gateway.api_key
    (key_id, merchant_id, name, livemode, scopes, digest, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_LIST = """
select key_id, merchant_id, name, livemode, scopes, created_at, expires_at, revoked_at
from gateway.api_key
where $1::text is null or merchant_id = $1
order by created_at
"""
_REVOKE = """
update gateway.api_key set revoked_at = $2
where key_id = $1 and revoked_at is null
returning key_id
"""

Connection = asyncpg.Connection


class KeySettings(BaseSettings):
    """What the command needs from the environment."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")
    data_keys: SecretStr = Field(validation_alias="CIFT_DATA_KEYS")
    index_key: SecretStr = Field(validation_alias="CIFT_INDEX_KEY")

    def vault(self) -> Vault:
        """The vault whose index key hashes API keys."""
        return Vault.from_text(self.data_keys.get_secret_value(), self.index_key.get_secret_value())


@click.group("api-key")
def api_key() -> None:
    """Make, list and revoke API keys."""


@api_key.command()
@click.option("--merchant", required=True, help="Merchant the key acts for, for example m_acme.")
@click.option("--name", required=True, help="What the key is for.")
@click.option("--scopes", default=",".join(SCOPES), show_default=True, help="Comma separated.")
@click.option("--mode", type=click.Choice(["test", "live"]), default="test", show_default=True)
@click.option("--expires", type=click.DateTime(), default=None, help="UTC; never by default.")
def create(merchant: str, name: str, scopes: str, mode: Mode, expires: datetime | None) -> None:
    """Make a key and show it, this once."""
    wanted = _scopes(scopes)
    settings, key, now = _settings(), new_key(mode), SystemClock().now()
    until = expires.replace(tzinfo=now.tzinfo) if expires else None

    async def insert(connection: "Connection[asyncpg.Record]") -> None:
        await insert_key(
            connection, key, settings.vault(), merchant=merchant, name=name, scopes=wanted,
            now=now, expires_at=until,
        )  # fmt: skip

    _run(settings, insert)
    click.echo(str(key))


@api_key.command("list")
@click.option("--merchant", default=None, help="Only this merchant's keys.")
def list_keys(merchant: str | None) -> None:
    """List keys, without their secrets."""

    async def read(connection: "Connection[asyncpg.Record]") -> list[Any]:
        return list(await connection.fetch(_LIST, merchant))

    for row in _run(_settings(), read):
        mode = "live" if row["livemode"] else "test"
        state = "revoked" if row["revoked_at"] else "active"
        scopes = ",".join(row["scopes"])
        click.echo(
            f"{row['key_id']}  {mode}  {state}  {row['merchant_id']}  {row['name']}  {scopes}"
        )


@api_key.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Revoke a key by its id; it stops working within five seconds."""

    async def stop(connection: "Connection[asyncpg.Record]") -> Any:
        return await connection.fetchval(_REVOKE, key_id, SystemClock().now())

    if _run(_settings(), stop) is None:
        raise click.ClickException("no active key has that id")
    click.echo(f"revoked {key_id}")


async def insert_key(
    connection: "Connection[asyncpg.Record]",
    key: ApiKeyText,
    vault: Vault,
    **row: Any,
) -> None:
    """Store a key's digest: `merchant`, `name`, `scopes`, `now`, `expires_at`."""
    await connection.execute(
        _INSERT, key.key_id, row["merchant"], row["name"], key.mode == "live", list(row["scopes"]),
        key.digest(vault), row["now"], row["expires_at"],
    )  # fmt: skip


def _scopes(text: str) -> list[str]:
    wanted = [scope.strip() for scope in text.split(",") if scope.strip()]
    unknown = sorted(set(wanted) - set(SCOPES))
    if unknown or not wanted:
        raise click.BadParameter(f"choose from {', '.join(SCOPES)}", param_hint="--scopes")
    return wanted


def _settings() -> KeySettings:
    try:
        return load_settings(KeySettings)
    except CiftError as error:
        raise click.ClickException(str(error)) from error


def _run(
    settings: KeySettings, work: Callable[["Connection[asyncpg.Record]"], Awaitable[Any]]
) -> Any:
    async def connected() -> Any:
        connection = await asyncpg.connect(settings.database_url.get_secret_value())
        try:
            return await work(connection)
        finally:
            await connection.close()

    try:
        return asyncio.run(connected())
    except CiftError as error:
        raise click.ClickException(str(error)) from error
    except (OSError, asyncpg.PostgresError) as error:
        raise click.ClickException(f"database: {error}") from error
