"""Secrets from files: `NAME_FILE` holds the path of a file with the value of the setting `NAME`.

Orchestrators mount secrets as files (Kubernetes, Docker), because the environment of a process can
be read by others more easily, and is inherited by its children.
"""

import os
from pathlib import Path
from typing import Any, get_args

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from cift_shared.errors import SettingsInvalid

SUFFIX = "_FILE"
SECRET_BYTES_MAX = 64 * 1024


class SecretFiles(PydanticBaseSettingsSource):
    """A source of settings: the fields that hold secrets, where a variable names their file."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The value, the name under which it is validated, False: it is no JSON."""
        for name in variables_of(field_name, field):
            value = secret_from_file(name)
            if value is not None:
                return value, name, False
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The values that were found.

        Raises:
            SettingsInvalid: as `secret_from_file`.
        """
        fields = self.settings_cls.model_fields.items()
        found = [self.get_field_value(field, name) for name, field in fields if is_secret(field)]
        return {name: value for value, name, _ in found if value is not None}


def secret_from_environment(name: str) -> str | None:
    """The value of a secret from its variable or from its file; None: neither is set.

    Raises:
        SettingsInvalid: as `secret_from_file`.
    """
    return secret_from_file(name) or os.environ.get(name)


def secret_from_file(name: str) -> str | None:
    """The content of the file that the variable `<name>_FILE` names, without the last line break.

    Raises:
        SettingsInvalid: `name` itself is set, too, or the file is missing, empty, too large or no
            text.
    """
    path = os.environ.get(name + SUFFIX)
    if not path:
        return None
    if os.environ.get(name):
        raise SettingsInvalid(f"{name} and {name}{SUFFIX} are both set; unset one of them")
    try:
        with Path(path).open("rb") as file:
            content = file.read(SECRET_BYTES_MAX + 1)
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SettingsInvalid(f"{name}{SUFFIX}: the file can't be read: {reason}") from None
    if not text or len(content) > SECRET_BYTES_MAX:
        raise SettingsInvalid(
            f"{name}{SUFFIX}: the file is empty, or over {SECRET_BYTES_MAX} bytes"
        )
    return text


def variables_of(field_name: str, field: FieldInfo) -> list[str]:
    """The environment variables that a field is read from."""
    alias = field.validation_alias or field_name
    names = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return [str(name).upper() for name in names]


def is_secret(field: FieldInfo) -> bool:
    """True if the field holds a secret."""
    return SecretStr in (field.annotation, *get_args(field.annotation))
