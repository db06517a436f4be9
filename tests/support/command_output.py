"""What a command has printed while an engine of the same process logs to the same output."""

import json
import re
from typing import Any

_BEGIN = re.compile(r"[\[{]\n|\[\]\n|\{\}\n")
"""Documents are indented; lines of a log have no bracket at their end."""


def document_in(output: str) -> Any:
    """The JSON document in an output, whatever was logged before and after it."""
    found = _BEGIN.search(output)
    assert found, output
    return json.JSONDecoder().raw_decode(output, found.start())[0]
