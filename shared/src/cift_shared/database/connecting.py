"""Turn an error of a server into one plain line that names the cause and what to do.

Commands and the local stack connect through this module; services wait for their servers instead.
Passwords never appear: an address is shown as host, port and database name.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import asyncpg

from cift_shared.addresses import DATABASE_EXAMPLE, check_database_url
from cift_shared.database.pool import connect
from cift_shared.errors import CiftError, ServerRefused, ServerUnreachable, SettingsInvalid

_CAUSE_CHARS_MAX = 120
_IDLE_IN_TRANSACTION = "10min"
"""A command may take long inside a transaction; one that hangs loses its locks after this time."""
_CLIENT_ERRORS = (asyncpg.InterfaceError, asyncpg.InternalClientError)
DATABASE_ERRORS = (asyncpg.PostgresError, *_CLIENT_ERRORS)
"""Errors that the client library raises; a refused connection is an `OSError`."""
_OLD_SCHEMA = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidSchemaNameError,
)
_UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresConnectionError, *_CLIENT_ERRORS)

Connection = asyncpg.Connection


@asynccontextmanager
async def database(
    dsn: str, *, role: str | None = None
) -> AsyncIterator["Connection[asyncpg.Record]"]:
    """A connection for a command, in one of our roles or as the login itself; times are in UTC.

    Raises:
        SettingsInvalid: the address is malformed.
        ServerUnreachable: the server does not answer.
        ServerRefused: the server refuses the connection or, once connected, a statement.
    """
    check_database_url(dsn)
    with database_errors(dsn, role=role):
        connection = await connect(
            dsn, role=role, idle_in_transaction_session_timeout=_IDLE_IN_TRANSACTION
        )
    try:
        yield connection
    except DATABASE_ERRORS as error:
        raise as_cift_error(error, dsn, role=role) from error
    finally:
        await connection.close()


@contextmanager
def database_errors(dsn: str, *, role: str | None = None) -> Iterator[None]:
    """Turn a database error inside the block into one of our errors."""
    try:
        yield
    except (OSError, ValueError, *DATABASE_ERRORS) as error:
        raise as_cift_error(error, dsn, role=role) from error


def as_cift_error(error: BaseException, dsn: str, *, role: str | None = None) -> CiftError:
    """Return our error for an error of the client library, with a message of one line."""
    if isinstance(error, asyncpg.exceptions.ClientConfigurationError):
        return SettingsInvalid(f"DATABASE_URL: {_line(error)}; the form is {DATABASE_EXAMPLE}")
    if isinstance(error, ssl.SSLError):
        where, cause = shown_address(dsn), _tls_cause(error)
        return ServerRefused(f"PostgreSQL at {where} is not the server of sslrootcert: {cause}")
    if isinstance(error, ConnectionError) and "SSL upgrade" in str(error):
        return ServerRefused(
            f"PostgreSQL at {shown_address(dsn)} does not offer TLS, which sslmode of DATABASE_URL "
            "demands"
        )
    if isinstance(error, asyncpg.CannotConnectNowError | asyncpg.TooManyConnectionsError):
        return ServerUnreachable(
            f"PostgreSQL at {shown_address(dsn)} accepts no connections now: {_line(error)}"
        )
    if isinstance(error, _UNREACHABLE):
        return ServerUnreachable(
            f"PostgreSQL does not answer at {shown_address(dsn)} ({_cause(error)}): "
            "is it running, and is DATABASE_URL right?"
        )
    return ServerRefused(_refusal(error, dsn, role))


def _refusal(error: BaseException, dsn: str, role: str | None) -> str:
    """The text for an error of a server that answers."""
    where = f"PostgreSQL at {shown_address(dsn)}"
    if isinstance(error, asyncpg.InvalidPasswordError):
        return f"{where} refuses the password: correct DATABASE_URL"
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return f"{where} refuses the login: {_line(error)}"
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return f"{where}: {_line(error)}; create it, or correct DATABASE_URL"
    if isinstance(error, asyncpg.DiskFullError):
        return f"{where} has no space left on its disk: {_line(error)}"
    if isinstance(error, _OLD_SCHEMA):
        return f"the schema is not up to date ({_line(error)}): run `cift migrate`"
    if role and isinstance(error, asyncpg.InvalidParameterValueError):
        return f"{where} has no role {role}: run `cift migrate`"
    if role and isinstance(error, asyncpg.InsufficientPrivilegeError) and "role" in str(error):
        return f"{where}: this login may not act as {role}: grant it that role"
    return f"the database refused: {_line(error)}"


@contextmanager
def broker_errors(servers: str) -> Iterator[None]:
    """Turn a Kafka error inside the block into one of our errors.

    Raises:
        ServerUnreachable: no broker answers.
        ServerRefused: a broker refuses.
    """
    from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError  # noqa: PLC0415

    try:
        yield
    except (OSError, TimeoutError, KafkaConnectionError, KafkaTimeoutError) as error:
        raise ServerUnreachable(
            f"no Kafka broker answers at {servers}: "
            "is it running, and is KAFKA_BOOTSTRAP_SERVERS right?"
        ) from error
    except KafkaError as error:
        raise ServerRefused(f"Kafka at {servers} refused: {_line(error)}") from error


def shown_address(dsn: str) -> str:
    """Host, port and database of an address, without login and password."""
    address = urlsplit(dsn)
    hosts = address.netloc.rpartition("@")[2] or "localhost"
    return f"{hosts if ':' in hosts else f'{hosts}:5432'}{address.path}"


def _tls_cause(error: ssl.SSLError) -> str:
    """Why the server's certificate, or the handshake, was refused."""
    reason = getattr(error, "verify_message", "") or error.reason or _line(error)
    return reason.lower().replace("_", " ")


def _cause(error: BaseException) -> str:
    """The reason in few words; of several addresses of one host name, the first one's reason."""
    if isinstance(error, TimeoutError) and not str(error):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    text = error.strerror if isinstance(error, OSError) and error.strerror else _line(error)
    return text.partition(";")[0].strip()[:_CAUSE_CHARS_MAX] or "connection failed"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())
