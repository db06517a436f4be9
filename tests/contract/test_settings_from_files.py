"""Every setting of ours can be read from a file, because a cluster gives secrets as files only."""

from collections.abc import Iterator

import pytest
from pydantic_settings import BaseSettings

import mpesa_worker.statement  # noqa: F401  its settings are looked for below
import vodacom_worker.statement  # noqa: F401
from cift_shared.settings import EnvironmentSettings, load_settings
from gateway.auth.cli import KeySettings


def kinds(parent: type[BaseSettings]) -> Iterator[type[BaseSettings]]:
    for kind in parent.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_class_of_settings_reads_secrets_from_files() -> None:
    ours = {
        kind
        for kind in kinds(BaseSettings)
        if not kind.__module__.startswith(("provider_sandbox", "pydantic", "tests"))
    }
    assert KeySettings in ours
    assert {kind for kind in ours if not issubclass(kind, EnvironmentSettings)} == set()


def test_the_command_for_api_keys_takes_its_secrets_from_files(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("secrets")
    for name in ("DATABASE_URL", "CIFT_DATA_KEYS", "CIFT_INDEX_KEY"):
        (folder / name).write_text(f"value of {name}\n")
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(folder / name))
    settings = load_settings(KeySettings)
    assert settings.database_url.get_secret_value() == "value of DATABASE_URL"
    assert settings.index_key.get_secret_value() == "value of CIFT_INDEX_KEY"
