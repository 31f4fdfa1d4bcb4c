"""A backend that records every byte it gets, and answers as a script says.

One thread, and what it tells is exact: a request is answered only when nothing is left to read on any connection.
So whatever the proxy had sent before a request is on record when that request has its answer.
"""

import array
import fcntl
import selectors
import socket
import struct
import termios
import threading
import time

from table.case import Script

from .messages import Malformed, read_message

OURS = (b"GET /victim-", b"GET /last ")  # asked by the runner, about nothing
NO_LINGER = struct.pack("ii", 1, 0)
TCP_CLOSE = 7  # <netinet/tcp.h>: the first byte of tcp_info


class Stream:
    """What came on one connection since the record began."""

    def __init__(self, sock):
        self.sock = sock
        self.received = bytearray()
        self.is_ended = False  # by the proxy, or by our script
        self.taken = 0  # bytes of messages that were answered
        self.is_head_answered = False

    def forget(self):
        del self.received[:]
        self.taken = 0
        self.is_head_answered = False


class Recorder:
    """`bytewise`: answers of scripts go out byte by byte."""

    def __init__(self):
        self.changed = threading.Condition()
        self.script, self.bytewise = Script(), False
        self.streams = []
        self.wake, self.waker = socket.socketpair()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address, self.port = self.listener.getsockname()
        self.selector = selectors.DefaultSelector()
        for sock in (self.listener, self.wake):
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.waker.close()
        self.thread.join()
        for stream in self.streams:
            stream.sock.close()
        self.listener.close()
        self.wake.close()
        self.selector.close()

    def begin(self, script, bytewise=False):
        """A new record, with `script` for all requests but the runner's own."""
        with self.changed:
            self.streams = [stream for stream in self.streams if not stream.is_ended]
            for stream in self.streams:
                stream.forget()
            self.script, self.bytewise = script, bytewise

    def settle(self):
        """Waits until all of a script's answer is sent; returns the connections that have got something."""
        with self.changed:
            return [stream for stream in self.streams if stream.received]

    def wait(self, is_so, what):
        """Waits until `is_so(streams)`."""
        with self.changed:
            assert self.changed.wait_for(lambda: is_so(self.streams), 30), f"not so: {what}; {self.texts()}"

    def texts(self):
        return [(bytes(stream.received[:2000]), stream.is_ended) for stream in self.streams]

    def _run(self):
        while True:
            self.selector.select()
            with self.changed:
                if not self._is_woken():
                    return
                while self._read_all():
                    pass
                for stream in self.streams:
                    self._answer(stream)
                self.changed.notify_all()

    def _is_woken(self):
        try:
            return self.wake.recv(100) != b""
        except BlockingIOError:
            return True

    def _read_all(self):
        """One look at everything; whether there was anything."""
        has_more = False
        try:
            while True:
                sock, _ = self.listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.selector.register(sock, selectors.EVENT_READ)
                self.streams.append(Stream(sock))
                has_more = True
        except BlockingIOError:
            pass
        for stream in self.streams:
            has_more = (not stream.is_ended and self._read(stream)) or has_more
        return has_more

    def _read(self, stream):
        try:
            data = stream.sock.recv(1 << 20)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            self._end(stream)
        stream.received += data
        return True

    def _end(self, stream):
        stream.is_ended = True
        self.selector.unregister(stream.sock)
        stream.sock.close()

    def _answer(self, stream):
        """Answers what is whole, and heads where the script wants that."""
        while not stream.is_ended:
            try:
                message = read_message(stream.received[stream.taken:])
            except Malformed:
                return self._end(stream)
            if message is None:
                return None
            script = Script() if message.start_line.startswith(OURS) else self.script
            if script.at_head and not stream.is_head_answered:
                stream.is_head_answered = True
                self._send(stream, script.at_head, script.then)
            elif message.is_whole:
                stream.is_head_answered = False
                stream.taken += message.num_bytes
                self._send(stream, echo(message) if script.at_end is None else script.at_end, script.then)
            else:
                return None
        return None

    def _send(self, stream, data, then):
        pieces = [data] if not self.bytewise else [data[i:i + 1] for i in range(len(data))]
        stream.sock.settimeout(30)
        try:
            for piece in pieces:
                stream.sock.sendall(piece)
            if then != "keep":
                wait_sent(stream.sock)
        except OSError:
            return self._end(stream)  # refused while it was sent
        stream.sock.setblocking(False)
        if then == "reset":
            stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        if then != "keep":
            self._end(stream)
        return None


def wait_sent(sock):
    """Until the other end has all of it, or has reset the connection: a close with something unread makes the kernel
    drop what is still to go."""
    unsent = array.array("i", [1])
    deadline = time.monotonic() + 30
    while unsent[0] and not is_reset(sock) and time.monotonic() < deadline:
        fcntl.ioctl(sock, termios.TIOCOUTQ, unsent)


def is_reset(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == TCP_CLOSE


def echo(message):
    """An answer that says which request it belongs to."""
    body = message.start_line
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    return answer if body.startswith(b"HEAD ") else answer + body
