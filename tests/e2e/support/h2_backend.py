"""Backends that speak HTTP/2 (python3-h2), in threads: they record every request and answer by script."""

import socket
import ssl
import threading
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings


@dataclass
class Http2Request:
    fields: list  # of (name, value), pseudo fields included, as received
    connection: int  # which accepted connection, from 0
    stream: int
    body: bytes = b""
    trailers: list = field(default_factory=list)
    is_whole: bool = False
    reset_code: int = None

    def header(self, name):
        values = [value for field_name, value in self.fields if field_name == name]
        assert len(values) <= 1, f"several {name}: {values}"
        return values[0] if values else None

    @property
    def method(self):
        return self.header(":method")

    @property
    def target(self):
        return self.header(":path")


class Http2Conversation:
    """What a handler gets: the request, whole or (with `early`) its head, and the stream to answer on."""

    def __init__(self, connection, request):
        self.connection, self.request = connection, request

    def head(self, status=200, headers=(), end=False):
        self.connection.say(lambda h2: h2.send_headers(
            self.request.stream, [(":status", str(status)), *headers], end_stream=end))

    def body(self, data, end=False):
        """Waits for the peer's windows."""
        self.connection.send_body(self.request.stream, data, end)

    def trailers(self, fields):
        self.connection.say(lambda h2: h2.send_headers(self.request.stream, fields, end_stream=True))

    def answer(self, body=b"ok\n", status=200, headers=()):
        self.head(status, [*headers, ("content-length", str(len(body)))], end=not body)
        if body:
            self.body(body, end=True)

    def reset(self, code=h2.errors.ErrorCodes.CANCEL):
        self.connection.say(lambda h2: h2.reset_stream(self.request.stream, code))

    def goaway(self, last_stream, code=0):
        self.connection.say(lambda h2: h2.close_connection(code, last_stream_id=last_stream))

    def close(self):
        self.connection.close()

    def wait_body(self, size):
        """Until so many bytes of the request's body have come."""
        self.connection.wait(lambda: len(self.request.body) >= size or self.request.is_whole)

    def wait_gone(self):
        """Until the peer has reset the stream or the connection is over."""
        self.connection.wait(lambda: self.request.reset_code is not None or self.connection.is_over)


class Http2Connection:
    def __init__(self, backend, sock, index):
        self.backend, self.sock, self.index = backend, sock, index
        self.lock = threading.Condition()
        self.requests = {}
        self.is_over = False
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8", validate_outbound_headers=False,
            normalize_outbound_headers=False))

    def serve(self):
        try:
            self.say(self._begin)
            while data := self.sock.recv(65536):
                with self.lock:
                    for event in self.h2.receive_data(data):
                        self._take(event)
                    self._write()
                    self.lock.notify_all()
        except (OSError, h2.exceptions.ProtocolError) as failure:
            self.backend.failures.append(repr(failure))
        finally:
            self.close()

    def _begin(self, h2_connection):
        h2_connection.local_settings = h2.settings.Settings(client=False, initial_values=self.backend.settings)
        h2_connection.initiate_connection()

    def _take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            request = Http2Request(list(event.headers), self.index, event.stream_id)
            self.requests[event.stream_id] = request
            self.backend.note(request)
            if self.backend.early:
                self._begin_answer(request)
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id].body += event.data
            if self.backend.reads:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            self.requests[event.stream_id].trailers = list(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            request = self.requests[event.stream_id]
            request.is_whole = True
            self.backend.note_whole()
            if not self.backend.early:
                self._begin_answer(request)
        elif isinstance(event, h2.events.StreamReset):
            self.requests[event.stream_id].reset_code = int(event.error_code)
            self.backend.note_whole()

    def _begin_answer(self, request):
        threading.Thread(target=self._answer, args=(Http2Conversation(self, request),), daemon=True).start()

    def _answer(self, conversation):
        try:
            handler = self.backend.handler
            if callable(handler):
                handler(conversation)
            else:
                conversation.answer(handler)
        except (OSError, h2.exceptions.ProtocolError):  # the peer has gone, or reset the stream
            pass

    def _write(self):
        data = self.h2.data_to_send()
        if data:
            self.sock.sendall(data)

    def say(self, what):
        with self.lock:
            what(self.h2)
            self._write()

    def wait(self, condition):
        with self.lock:
            assert self.lock.wait_for(condition, 30.0), "nothing came"

    def send_body(self, stream, data, end):
        view = memoryview(data)
        while True:
            with self.lock:
                def room():
                    return min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
                if view:
                    assert self.lock.wait_for(lambda: self.is_over or room() > 0, 60.0), "no window"
                if self.is_over:
                    raise OSError("over")
                part = view[:room()] if view else view
                view = view[len(part):]
                self.h2.send_data(stream, bytes(part), end_stream=end and not view)
                self._write()
            if not view:
                return

    def close(self):
        with self.lock:
            self.is_over = True
            self.lock.notify_all()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Http2Backend:
    """`handler`: bytes, the answer to everything, or a callable taking an Http2Conversation, in a thread of its own:
    when the request is whole, or, with `early`, when its head has come. `settings`: {SettingCodes: value}.
    With `context`, an ssl.SSLContext, it speaks TLS; `protocols` are what was agreed on."""

    def __init__(self, handler=b"ok\n", early=False, settings=None, context=None, reads=True):
        self.handler, self.early, self.settings, self.context = handler, early, settings or {}, context
        self.reads = reads  # opens its windows again
        self.lock = threading.Condition()
        self.requests, self.failures, self.protocols, self.connections = [], [], [], []
        self.num_connections = 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(256)
        self.address, self.port = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock, self.num_connections), daemon=True).start()
            self.num_connections += 1

    def _serve(self, sock, index):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            try:
                sock = self.context.wrap_socket(sock, server_side=True)
            except (OSError, ssl.SSLError) as failure:
                self.failures.append(repr(failure))
                return
            self.protocols.append(sock.selected_alpn_protocol())
        connection = Http2Connection(self, sock, index)
        with self.lock:
            self.connections.append(connection)
        connection.serve()

    def note(self, request):
        with self.lock:
            self.requests.append(request)
            self.lock.notify_all()

    def note_whole(self):
        with self.lock:
            self.lock.notify_all()

    def wait_requests(self, count, timeout=30.0):
        """Waits until at least `count` requests have begun; returns all."""
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.requests) >= count, timeout), (
                f"{len(self.requests)} of {count} requests came; {self.failures}")
            return list(self.requests)

    def wait_until(self, condition, timeout=30.0):
        with self.lock:
            assert self.lock.wait_for(condition, timeout), "it did not come"

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            connections = list(self.connections)
        for connection in connections:
            connection.close()
