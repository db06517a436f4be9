"""The name that a replica has where `CIFT_INSTANCE` is not set."""

import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift_shared.settings import INSTANCE_CHARS_MAX, instance_of
from tests.support.gateway import settings_for


@given(st.text())
def test_any_host_gives_a_name(host: str) -> None:
    name = instance_of(host)
    assert re.fullmatch(r"[a-z0-9-]+", name)
    assert len(name) <= INSTANCE_CHARS_MAX


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Ledger-7f9c.example.com", "ledger-7f9c-example-com"),
        ("mpesa_worker-0", "mpesa-worker-0"),
        ("...", "0"),
        ("", "0"),
    ],
)
def test_a_name_looks_like_its_host(host: str, name: str) -> None:
    assert instance_of(host) == name


def test_long_names_of_two_hosts_stay_two() -> None:
    assert instance_of("a" * 200 + "1") != instance_of("a" * 200 + "2")


def test_without_a_setting_two_hosts_have_two_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CIFT_INSTANCE", raising=False)
    monkeypatch.setattr(socket, "gethostname", lambda: "Ledger-7")
    one = settings_for("postgresql://nowhere/none")
    monkeypatch.setattr(socket, "gethostname", lambda: "Ledger-8")
    other = settings_for("postgresql://nowhere/none")
    assert (one.instance, other.instance) == ("ledger-7", "ledger-8")
    assert one.instance_is_derived
