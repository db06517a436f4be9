"""Commands of M-Pesa Tanzania for operators: `cift vodacom ...`."""

import base64
import binascii

from cift_shared.cli import Lazy, LazyGroup, Output, command, environment
from cift_shared.errors import SettingsInvalid
from cift_shared.security.callback_token import CallbackTokens
from vodacom_method.webhooks import listener_path


def _index() -> tuple[Lazy, ...]:
    about = "Print the path to which Vodacom posts results."
    return (Lazy("listener-path", "vodacom_method.cli:listener", about),)


vodacom = LazyGroup("vodacom", index=_index, help="M-Pesa Tanzania (Vodacom).")


@command("listener-path")
async def listener() -> Output:
    """Print the path of the listener, for the application at Vodacom.

    It is a secret: whoever knows it can post notices.
    """
    path = path_of()
    return Output({"path": path}, [path])


def path_of() -> str:
    """The path, from the key in the environment.

    Raises:
        SettingsInvalid: the key is missing, or not base64.
    """
    try:
        key = base64.b64decode(environment("CIFT_CALLBACK_KEY"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SettingsInvalid("CIFT_CALLBACK_KEY: not base64") from error
    return listener_path(CallbackTokens(key))
