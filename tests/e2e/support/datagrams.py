"""Datagram sockets: clients that wait for answers, and backends that answer from a thread of their own."""

import socket
import threading

from .waiting import PATIENCE_S


class DatagramBackend:
    """Sends back what `answer(bytes)` makes of each datagram; None sends nothing."""

    def __init__(self, answer=None, name="", address="127.0.0.1", port=0):
        self.answer = answer or (lambda data: name.encode() + data)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.address, self.port = self.socket.getsockname()
        self.received = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            data, peer = self.socket.recvfrom(65536)
            if peer == self.socket.getsockname():
                return  # close()
            self.received.append(data)
            out = self.answer(data)
            if out is not None:
                self.socket.sendto(out, peer)

    def close(self):
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join(PATIENCE_S)
        self.socket.close()


class DatagramClient:
    """Connected: hears nothing but what `address` ("127.0.0.1:53" or "[::1]:53") sends."""

    def __init__(self, address, source=None):
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((host, int(port)))
        self.socket.settimeout(PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def send(self, data):
        self.socket.send(data)

    def receive(self, patience_s=PATIENCE_S):
        """None when nothing came."""
        self.socket.settimeout(patience_s)
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            return None

    def ask(self, data):
        self.send(data)
        return self.receive()
