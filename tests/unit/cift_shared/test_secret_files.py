"""A secret setting is read from its variable, or from the file that `NAME_FILE` names."""

from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from cift_shared.errors import SettingsInvalid
from cift_shared.security.secret_files import (
    SECRET_BYTES_MAX,
    secret_from_environment,
    secret_from_file,
)
from cift_shared.settings import EnvironmentSettings, load_if_set, load_settings

NAME, FILE = "PROBE_SECRET", "PROBE_SECRET_FILE"


class Probe(EnvironmentSettings):
    secret: SecretStr = Field(validation_alias=NAME)
    spare: SecretStr | None = Field(default=None, validation_alias="PROBE_SPARE")
    place: str = Field(default="here", validation_alias="PROBE_PLACE")


@pytest.fixture
def secret_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    monkeypatch.setenv(FILE, str(path))
    monkeypatch.delenv(NAME, raising=False)
    return path


def test_a_secret_comes_from_its_file_without_the_line_break(secret_file: Path) -> None:
    assert load_settings(Probe).secret.get_secret_value() == "s3cret"
    assert secret_from_environment(NAME) == "s3cret"


def test_a_file_counts_as_set(secret_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = load_if_set(Probe)
    assert found is not None
    assert found.secret.get_secret_value() == "s3cret"
    monkeypatch.delenv(FILE)
    assert load_if_set(Probe) is None


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b" a b \n", " a b "), (b"a\r\n", "a"), (b"a\nb\n", "a\nb"), (b"a", "a")],
)
def test_only_the_last_line_break_is_cut(secret_file: Path, content: bytes, secret: str) -> None:
    secret_file.write_bytes(content)
    assert secret_from_file(NAME) == secret


def test_the_variable_itself_is_read_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "plain")
    monkeypatch.setenv(FILE, "")
    assert load_settings(Probe).secret.get_secret_value() == "plain"
    assert secret_from_environment(NAME) == "plain"
    monkeypatch.delenv(NAME)
    assert secret_from_environment(NAME) is None


def test_two_sources_are_refused(secret_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "another")
    with pytest.raises(SettingsInvalid, match=f"{NAME} and {FILE} are both set"):
        load_settings(Probe)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", b"a" * (SECRET_BYTES_MAX + 1), None])
def test_a_file_without_a_usable_secret_is_refused_by_name(
    secret_file: Path, content: bytes | None
) -> None:
    if content is None:
        secret_file.unlink()
    else:
        secret_file.write_bytes(content)
    with pytest.raises(SettingsInvalid, match=FILE) as refused:
        load_settings(Probe)
    assert "s3cret" not in str(refused.value)


def test_a_file_of_full_size_is_read(secret_file: Path) -> None:
    secret_file.write_bytes(b"a" * SECRET_BYTES_MAX)
    assert len(secret_from_file(NAME) or "") == SECRET_BYTES_MAX


def test_a_setting_that_is_no_secret_has_no_file(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_PLACE_FILE", str(secret_file))
    assert load_settings(Probe).place == "here"


def test_an_optional_secret_has_a_file_too(
    secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROBE_SPARE_FILE", str(secret_file))
    spare = load_settings(Probe).spare
    assert spare is not None
    assert spare.get_secret_value() == "s3cret"


def test_a_missing_secret_is_named_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    with pytest.raises(SettingsInvalid, match=f"{NAME}: Field required"):
        load_settings(Probe)
