"""Load by the payer's pod while something happens to the cluster."""

import contextlib
import json
import subprocess
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.k8s_e2e.kube import AROUND, ClusterError, execute

RATE = 4.0
"""Payments per second: a node of two small cores also runs everything else."""
ENDS_WITHIN_S = 240
BEFORE_S, AFTER_S = 3, 3


@dataclass(frozen=True)
class Outcome:
    """What became of the payments of one load."""

    sent: int
    accepted: int
    slowest_s: float
    failures: list[str] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Accepted payments that did not end as they should: paid."""
        return self.accepted - self.states.get("completed", 0)


class Load:
    """Payments at a steady rate for the block; `outcome` is known after it."""

    outcome: Outcome

    def __init__(self, api_key: str, *, rate: float = RATE) -> None:
        program = ["python", "/programs/load.py", str(rate), str(ENDS_WITHIN_S)]
        inside = ["--container", "payer", "--", "env", f"CIFT_API_KEY={api_key}", *program]
        self._argv = ["kubectl", "exec", "payer-0", "--namespace", AROUND, *inside]

    def __enter__(self) -> Self:
        """Start it."""
        self._process = subprocess.Popen(
            self._argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        time.sleep(BEFORE_S)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it, and wait for the results of its payments."""
        if kind is not None:
            self._process.kill()
            self._process.wait()
            with contextlib.suppress(ClusterError):
                _stop()  # in the pod it would go on
            return
        time.sleep(AFTER_S)
        _stop()
        said, errors = self._process.communicate(timeout=ENDS_WITHIN_S + 60)
        if self._process.returncode:
            raise ClusterError(f"the load ended: {errors[-1000:]}")
        found: dict[str, Any] = json.loads(said)
        self.outcome = Outcome(**found)


def _stop() -> None:
    execute("payer-0", "touch", "/tmp/stop", container="payer", namespace=AROUND)
