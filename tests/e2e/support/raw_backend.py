"""A backend that does to each connection exactly what a script says, byte by byte if it wants to."""

import socket
import threading

from .backend import read_body, read_head


class RawConnection:
    """One accepted connection, in the hands of the script."""

    def __init__(self, sock, index):
        self.sock, self.index = sock, index
        self.stream = sock.makefile("rb")

    def read_head(self):
        """The next request head; None when the proxy closed."""
        return read_head(self.stream, self.index)

    def read_request(self):
        """The next request with its body; None when it did not come whole."""
        request = self.read_head()
        return request if request is not None and read_body(self.stream, request) else None

    def send(self, data):
        self.sock.sendall(data)

    def wait_end(self):
        """Reads on until the proxy closes; returns what came."""
        try:
            return self.stream.read()
        except ConnectionResetError:
            return b""

    def reset(self):
        """Ends the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.stream.close()
        self.sock.close()


class RawBackend:
    """`script(connection)` runs in a thread for each connection, which is closed when it returns.

    The proxy may close at any time, so the script's OSErrors mean nothing; every other exception, a failed
    assertion among them, makes check() fail.
    """

    def __init__(self, script, address="127.0.0.1", backlog=128):
        self.script = script
        self.failures = []
        self.num_connections = 0
        self.listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        self.listener.bind((address, 0))
        self.listener.listen(backlog)
        self.address, self.port = address, self.listener.getsockname()[1]
        self.threads, self.socks = [], []
        self.lock, self.is_closed = threading.Lock(), False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._serve, args=(sock, self.num_connections), daemon=True)
            with self.lock:
                if self.is_closed:  # nobody would ever end its script
                    return sock.close()
                self.num_connections += 1
                self.threads.append(thread)
                self.socks.append(sock)
                thread.start()

    def _serve(self, sock, index):
        connection = RawConnection(sock, index)
        try:
            self.script(connection)
        except OSError:
            pass
        except Exception as failure:  # noqa: shown by check()
            self.failures.append(repr(failure))
        finally:
            connection.stream.close()
            sock.close()

    def close(self):
        with self.lock:
            self.is_closed = True
        for end in [self.listener, *self.socks]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()

    def check(self):
        """Waits until every script has returned; fails when one of them had failed."""
        for thread in list(self.threads):
            thread.join(30)
            assert not thread.is_alive(), "a script of the backend hangs"
        assert self.failures == []
