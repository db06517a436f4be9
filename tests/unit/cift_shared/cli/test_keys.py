"""`cift keys new`: what it prints is taken by every service."""

import json

import pytest
from click.testing import CliRunner

from cift_shared.cli.root import cift
from cift_shared.security.field_encryption import Vault
from cift_shared.settings import KeySettings, load_settings
from tests.support.commands import DATA_KEYS, INDEX_KEY

NAMES = ["CIFT_DATA_KEYS", "CIFT_INDEX_KEY", "CIFT_CALLBACK_KEY"]


def lines_of(*words: str, environment: dict[str, str | None] | None = None) -> dict[str, str]:
    answer = CliRunner().invoke(cift, ["keys", "new", *words], env=environment or {})
    assert answer.exit_code == 0, answer.output
    return dict(line.split("=", 1) for line in answer.stdout.splitlines())


def test_fresh_keys_start_a_service_in_live_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in lines_of().items():
        monkeypatch.setenv(name, value)
    settings = load_settings(KeySettings)
    settings.vault()
    settings.callback_tokens()
    settings.refuse_weak_keys()


def test_each_run_makes_other_keys() -> None:
    first, second = lines_of(), lines_of("--quiet")
    assert list(first) == list(second) == NAMES
    assert not set(first.values()) & set(second.values())


def test_json_has_the_same_names() -> None:
    answer = CliRunner().invoke(cift, ["keys", "new", "--json"])
    assert list(json.loads(answer.stdout)) == NAMES


class TestRotate:
    def test_the_new_key_seals_and_the_old_one_still_opens(self) -> None:
        rotated = lines_of("--rotate", environment={"CIFT_DATA_KEYS": DATA_KEYS})
        assert list(rotated) == ["CIFT_DATA_KEYS"]
        before = Vault.from_text(DATA_KEYS, INDEX_KEY)
        after = Vault.from_text(rotated["CIFT_DATA_KEYS"], INDEX_KEY)
        assert after.seal(b"x", context="phone").startswith("k2.")
        assert after.open(before.seal(b"x", context="phone"), context="phone") == b"x"

    def test_an_id_is_never_used_twice(self) -> None:
        keys = {"CIFT_DATA_KEYS": DATA_KEYS}
        for _ in range(3):
            keys = {**lines_of("--rotate", environment=dict(keys))}
        ids = [entry.partition(":")[0] for entry in keys["CIFT_DATA_KEYS"].split(",")]
        assert ids == ["k4", "k3", "k2", "k1"]

    @pytest.mark.parametrize("keys", [None, "", "k1:", "k1:abc", "nonsense"])
    def test_without_usable_keys_it_says_which_setting_is_wrong(self, keys: str | None) -> None:
        answer = CliRunner().invoke(cift, ["keys", "new", "--rotate"], env={"CIFT_DATA_KEYS": keys})
        assert answer.exit_code == 2
        assert answer.stdout == ""
        assert "CIFT_DATA_KEYS" in answer.stderr
        assert len(answer.stderr.splitlines()) == 1
