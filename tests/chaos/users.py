"""Users: keep-alive clients that ask one thing after the other and write down what each answer was."""

import threading
from collections import Counter

from support.http_client import ConnectionEnded, RawClient, request_bytes


class Users:
    """Use as a context manager. `outcomes` counts statuses, "cut" (within a body) and "no answer".

    An answer of status 200 must carry `body_of(target)`: another one's bytes are a failure, not an outcome.
    """

    def __init__(self, address, count=8, target_of=lambda user, turn: f"/{user}/{turn}",
                 body_of=lambda target: f"served {target}\n"):
        self.address, self.target_of, self.body_of = address, target_of, body_of
        self.outcomes = Counter()
        self.failures = []
        self.lock = threading.Condition()
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a user hangs"

    @property
    def num_requests(self):
        return sum(self.outcomes.values())

    def wait_more(self, count):
        """Waits until as many further answers have come."""
        with self.lock:
            goal = self.num_requests + count
            assert self.lock.wait_for(lambda: self.num_requests >= goal or self.failures, 120), "users are stuck"

    def settle(self):
        """The outcomes, when there was no failure."""
        assert self.failures == []
        return dict(self.outcomes)

    def _run(self, user):
        client, turn = None, 0
        try:
            while not self.stopping.is_set():
                if client is None:
                    client = RawClient(self.address, timeout=60)
                outcome, is_open = self._ask(client, self.target_of(user, turn))
                turn += 1
                with self.lock:
                    self.outcomes[outcome] += 1
                    self.lock.notify_all()
                if not is_open:
                    client.close()
                    client = None
        except Exception as failure:  # noqa: whatever it is, it is shown
            with self.lock:
                self.failures.append(repr(failure))
                self.lock.notify_all()
        finally:
            if client is not None:
                client.close()

    def _ask(self, client, target):
        """The outcome, and whether the connection can be used again."""
        try:
            client.send(request_bytes(target=target))
            response = client.read_response()
        except (ConnectionEnded, BrokenPipeError):
            return "no answer", False
        if not response.is_whole:
            return "cut", False
        if response.status == 200:
            assert response.text == self.body_of(target), f"{target} was answered {response.text!r}"
        return response.status, response.header("connection") != "close"
