"""The exit codes of a command, and its errors as one plain line."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import click

from cift_shared.errors import CiftError, ServerUnreachable, SettingsInvalid
from cift_shared.runtime import stopping


class Exit(IntEnum):
    """The exit codes of `cift`."""

    OK = 0
    """Done; no check found a problem."""
    FINDING = 1
    """A check found something: a broken invariant, a difference, a failed test of `doctor`."""
    USAGE = 2
    """The command line or a setting is wrong; nothing was tried."""
    REFUSED = 3
    """The system answered and refused: unknown payment, missing right, wrong password."""
    UNREACHABLE = 4
    """A server does not answer: database, broker or API. The same command may work later."""
    INTERNAL = 70
    """A bug of this program; a traceback is printed."""
    INTERRUPTED = stopping.INTERRUPTED
    """Ctrl-C, or a confirmation answered with no."""


class Refused(click.ClickException):
    """The system answered and refused."""

    exit_code = Exit.REFUSED


class Unreachable(click.ClickException):
    """A server does not answer."""

    exit_code = Exit.UNREACHABLE


class WrongInput(click.ClickException):
    """A setting or an input is missing or can't be used."""

    exit_code = Exit.USAGE


def environment(name: str) -> str:
    """A setting that a command needs, from its variable or from the file of `<name>_FILE`.

    Raises:
        WrongInput: it is not set, or its file can't be read.
    """
    try:
        value = _secret(name)
    except SettingsInvalid as error:
        raise WrongInput(str(error)) from error
    if not value:
        raise WrongInput(f"{name} is not set; .env.example.payments describes it")
    return value


@contextmanager
def no_client_logs() -> Iterator[None]:
    """Suppress the log lines of Kafka's client library: the error reports the problem once."""
    import logging  # noqa: PLC0415  only commands that use Kafka need it

    logger = logging.getLogger("aiokafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn our own errors, and the database's, into one line and an exit code."""
    try:
        yield
    except SettingsInvalid as error:
        raise WrongInput(str(error)) from error
    except ServerUnreachable as error:
        raise Unreachable(str(error)) from error
    except CiftError as error:
        raise Refused(str(error)) from error
    except Exception as error:
        if not _is_of_the_database(error):
            raise
        from cift_shared.database.connecting import as_cift_error  # noqa: PLC0415  is loaded

        raise Refused(str(as_cift_error(error, _secret("DATABASE_URL") or ""))) from error


def _secret(name: str) -> str | None:
    from cift_shared.security.secret_files import (  # noqa: PLC0415  imports pydantic
        secret_from_environment,
    )

    return secret_from_environment(name)


def _is_of_the_database(error: Exception) -> bool:
    """True for an error that PostgreSQL sent; this does not import asyncpg if no command did."""
    asyncpg = sys.modules.get("asyncpg")
    return asyncpg is not None and isinstance(error, asyncpg.PostgresError)
