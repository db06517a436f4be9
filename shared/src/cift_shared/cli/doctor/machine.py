"""Checks of the settings, and of the machine on which the command runs."""

import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from cift_shared.addresses import check_database_url
from cift_shared.cli.doctor.finding import Finding, fail, ok, warn
from cift_shared.errors import SettingsInvalid
from cift_shared.security.secret_files import secret_from_environment
from cift_shared.settings import (
    KafkaSettings,
    KeySettings,
    load_settings,
    misspelt_variables,
)

FILES_MIN = 4_200
"""Open files that a gateway with 4,000 connections needs: docs/operations.md."""
DISK_FREE_MIN = 1_000_000_000
DISK_FREE_LOW = 5_000_000_000
MODE = "CIFT_MODE"
_DESCRIBED = ".env.example.payments describes the settings"


def is_live() -> bool:
    """True if CIFT_MODE says that real money moves."""
    return os.environ.get(MODE) == "live"


def check_settings() -> Iterator[Finding]:
    """Check the environment variables that every service reads."""
    yield _database_url()
    yield _kafka()
    mode = os.environ.get(MODE) or "test"
    if mode in {"test", "live"}:
        yield ok("settings.mode", f"{MODE} is {mode}")
    else:
        yield fail("settings.mode", f"{MODE} is {mode[:20]!r}", "set it to test or live")
    yield _keys()
    for problem in misspelt_variables():
        yield fail("settings.spelling", problem, "correct the name, or unset the variable")


def check_machine() -> Iterator[Finding]:
    """Check the limit of open files and the free disk space."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= FILES_MIN:
        yield ok("machine.files", f"{soft} open files are allowed")
    else:
        yield warn(
            "machine.files",
            f"{soft} open files are allowed: a gateway takes {max(0, soft - 200)} connections",
            f"ulimit -n {FILES_MIN} (systemd: LimitNOFILE) where the gateway runs",
        )
    free, where = shutil.disk_usage(Path.cwd()).free, Path.cwd()
    seen = f"{free / 1e9:.1f} GB are free at {where}"
    if free < DISK_FREE_MIN:
        yield fail("machine.disk", seen, "make room: logs and local data stop with a full disk")
    elif free < DISK_FREE_LOW:
        yield warn("machine.disk", seen, "make room before it is full")
    else:
        yield ok("machine.disk", seen)


def _database_url() -> Finding:
    label, name = "settings.database_url", "DATABASE_URL"
    try:
        value = secret_from_environment(name)
        if not value:
            return fail(label, f"{name} is not set", _DESCRIBED)
        check_database_url(value)
    except SettingsInvalid as error:
        return fail(label, str(error), "correct the address")
    return ok(label, f"{name} is an address")


def _kafka() -> Finding:
    label = "settings.kafka"
    try:
        brokers = load_settings(KafkaSettings).brokers.checked()
    except SettingsInvalid as error:
        return fail(label, str(error), _DESCRIBED)
    if is_live() and not brokers.is_encrypted:
        return warn(label, "connections to Kafka are not encrypted", "use SASL_SSL")
    return ok(label, f"KAFKA_BOOTSTRAP_SERVERS are addresses, protocol {brokers.protocol}")


def _keys() -> Finding:
    label = "settings.keys"
    try:
        keys = load_settings(KeySettings)
        keys.vault()
        keys.callback_tokens()
    except SettingsInvalid as error:
        return fail(label, str(error), "make keys: cift keys new")
    try:
        keys.refuse_weak_keys()
    except SettingsInvalid as error:
        grade = fail if is_live() else warn
        return grade(label, str(error), "make keys: cift keys new")
    return ok(label, "data, index and callback keys can be used")
