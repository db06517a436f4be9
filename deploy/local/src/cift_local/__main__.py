"""Entry point of the local stack's process; its commands are in `main`."""

import sys
from importlib import import_module

from cift_shared.runtime.stopping import INTERRUPTED, end_at_signals

if __name__ == "__main__":
    # The imports take a second or two: an interrupt in that time ends the process at once.
    end_at_signals(status=INTERRUPTED)
    sys.exit(import_module("cift_local.main").main(sys.argv[1:]))
