"""`cift api-key`: create, list and revoke API keys.

An operator runs it with a database login that owns the schema; the service can only read keys.
"""

from datetime import datetime
from typing import Any

import asyncpg
import click
from pydantic import Field, SecretStr

from cift_shared.cli import Lazy, LazyGroup, Output, Refused, Table, command, environment
from cift_shared.clock import SystemClock
from cift_shared.database.connecting import database
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import VaultSettings, load_settings
from gateway.auth.authenticator import SCOPES
from gateway.auth.key_format import ApiKeyText, Mode, new_key

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


class KeySettings(VaultSettings):
    """The settings that the command reads from the environment."""

    database_url: SecretStr = Field(validation_alias="DATABASE_URL")


_COMMANDS = (
    Lazy("create", "gateway.auth.cli:create", "Create a key and show it once."),
    Lazy("list", "gateway.auth.cli:list_keys", "List keys, without their secrets."),
    Lazy("revoke", "gateway.auth.cli:revoke", "Revoke a key by its id."),
)


HOUSE = "house"
"""The owner of the platform's own accounts, and of money whose owner is not known yet."""


@click.group("api-key", cls=LazyGroup, index=lambda: _COMMANDS)
def api_key() -> None:
    """Create, list and revoke API keys."""


@command("create")
@click.option("--merchant", required=True, help="Merchant the key acts for, for example m_acme.")
@click.option("--name", required=True, help="What the key is for.")
@click.option("--scopes", default=",".join(SCOPES), show_default=True, help="Comma separated.")
@click.option("--mode", type=click.Choice(["test", "live"]), default="test", show_default=True)
@click.option("--expires", type=click.DateTime(), default=None, help="UTC; never by default.")
async def create(
    merchant: str, name: str, scopes: str, mode: Mode, expires: datetime | None
) -> Output:
    """Create a key and show it once."""
    if merchant == HOUSE:
        raise click.BadParameter(f"{HOUSE} is the platform itself, and no merchant")
    wanted = _scopes(scopes)
    settings, key, now = load_settings(KeySettings), new_key(mode), SystemClock().now()
    until = expires.replace(tzinfo=now.tzinfo) if expires else None
    vault = settings.vault()
    async with database(settings.database_url.get_secret_value()) as connection:
        await insert_key(
            connection, key, vault, merchant=merchant, name=name, scopes=wanted, now=now,
            expires_at=until,
        )  # fmt: skip
    document = {
        "key": str(key),
        "key_id": key.key_id,
        "merchant_id": merchant,
        "name": name,
        "mode": mode,
        "scopes": wanted,
        "expires_at": until.isoformat() if until else None,
    }
    return Output(document, [str(key)], [str(key)])


@command("list")
@click.option("--merchant", default=None, help="Only this merchant's keys.")
async def list_keys(merchant: str | None) -> Output:
    """List keys, without their secrets."""
    async with database(environment("DATABASE_URL")) as connection:
        keys = [_facts(row) for row in await connection.fetch(_LIST, merchant)]
    headings = ["key id", "mode", "state", "merchant", "name", "scopes"]
    rows = [
        [key["key_id"], key["mode"], key["state"], key["merchant_id"], key["name"],
         ",".join(key["scopes"])]
        for key in keys
    ]  # fmt: skip
    return Output(keys, [Table(headings, rows)], [key["key_id"] for key in keys])


def _facts(row: Any) -> dict[str, Any]:
    moments = {name: row[name] for name in ("created_at", "expires_at", "revoked_at")}
    return {
        "key_id": row["key_id"],
        "mode": "live" if row["livemode"] else "test",
        "state": "revoked" if row["revoked_at"] else "active",
        "merchant_id": row["merchant_id"],
        "name": row["name"],
        "scopes": list(row["scopes"]),
        **{name: at.isoformat() if at else None for name, at in moments.items()},
    }


@command("revoke")
@click.argument("key_id")
async def revoke(key_id: str) -> Output:
    """Revoke a key by its id; it stops working within five seconds."""
    async with database(environment("DATABASE_URL")) as connection:
        revoked = await connection.fetchval(_REVOKE, key_id, SystemClock().now())
    if revoked is None:
        raise Refused("no active key has that id: `cift api-key list` shows them")
    return Output({"key_id": key_id, "state": "revoked"}, [f"revoked {key_id}"], [key_id])


async def insert_key(
    connection: "Connection[asyncpg.Record]",
    key: ApiKeyText,
    vault: Vault,
    **row: Any,
) -> None:
    """Store a key's digest; `row` has `merchant`, `name`, `scopes`, `now` and `expires_at`."""
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
