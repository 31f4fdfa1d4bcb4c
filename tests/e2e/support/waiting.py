"""Waiting for what another process does, where it gives no event to wait for."""

import time

# Far beyond what anything takes, also on a loaded machine or under a sanitizer: reaching it is a failure.
PATIENCE_S = 30.0


def eventually(probe, what, patience_s=PATIENCE_S):
    """Calls `probe` until it returns something true, which is returned. Fails naming `what` and the last value."""
    deadline = time.monotonic() + patience_s
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s:g} s in vain for {what}; last: {value!r}")
        time.sleep(0.005)
