"""One connection: what is sent is the test's, what comes is sorted by stream and held to RFC 9113."""

import itertools
import struct
from dataclasses import dataclass, field

from hpack import Decoder

from . import frames
from .blocks import request
from .frames import Code, Kind, Setting

TIMEOUT_S = 30.0


@dataclass
class Stream:
    """What came on one stream."""
    status: int | None = None
    fields: list = field(default_factory=list)  # (name, value) in order, without :status
    interim: list = field(default_factory=list)  # statuses of 1xx
    body: bytearray = field(default_factory=bytearray)
    trailers: list | None = None
    is_ended: bool = False
    reset: int | None = None  # the code of RST_STREAM

    @property
    def is_done(self):
        return self.is_ended or self.reset is not None

    def values(self, name):
        return [value for key, value in self.fields if key == name]


class ConnectionOver(AssertionError):
    """The peer ended the connection where something was still to come."""


class Http2Client:
    """`link`: a connected RawClient, TLS or not. Settings of the peer are acknowledged as they come; windows are
    given back while `grants` is true."""

    def __init__(self, link):
        self.link = link
        self.unread = bytearray()
        self.decoder = Decoder()
        self.streams = {}
        self.settings, self.num_settings, self.num_settings_acks = {}, 0, 0
        self.pings = []  # payloads that came back
        self.goaway = None  # (last stream, code) of the last one
        self.goaways = []
        self.is_over = False
        self.grants = True
        self.is_foreign = False  # the peer speaks something else
        self.windows = {0: 0}  # granted by WINDOW_UPDATE
        self.block = None  # (stream, bytes, is the stream ended) of one that goes on
        self.watched = 1
        self.numbers = itertools.count(1)
        self.log = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.link.close()

    def open(self, *pairs):
        """Both prefaces, each acknowledged."""
        self.send(frames.PREFACE + frames.settings(*pairs))
        self.wait(lambda: self.num_settings and self.num_settings_acks, "the settings of the peer and its ack")
        return self

    def send(self, data):
        """A peer that has gone is found when its last words are read."""
        try:
            self.link.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def stream(self, number):
        return self.streams.setdefault(number, Stream())

    def wait(self, is_so, what):
        """Reads until `is_so()`."""
        while not is_so():
            if not self.read():
                raise ConnectionOver(f"the connection ended before {what}; {self.story()}")

    def wait_over(self):
        while self.read():
            pass

    def read(self):
        """One more frame; False at the end of the connection."""
        while (found := frames.read_frame(self.unread)) is None or self.is_foreign:
            if not self._receive():
                return False
        frame, size = found
        del self.unread[:size]
        self._take(frame)
        return True

    def drain(self):
        """All that has come, without waiting."""
        while not self.is_over and self.link.has_word(0):
            if not self._receive():
                break
        while (found := frames.read_frame(self.unread)) is not None and not self.is_foreign:
            del self.unread[:found[1]]
            self._take(found[0])

    def sync(self):
        """Every frame before has been acted on, also one that the peer sends behind its answer to a PING."""
        for _ in range(2):
            payload = b"sync" + struct.pack("!I", next(self.numbers))
            self.send(frames.ping(payload))
            self.wait(lambda: payload in self.pings, "the answer to a PING")

    def next_stream(self):
        """A number above all that were used, whoever used them."""
        return max([stream | 1 for stream in self.streams] + [self.watched | 1]) + 2

    def ask(self, method=b"GET", path=b"/last", *more, **kwargs):
        """A whole exchange on a new stream."""
        number = self.next_stream()
        self.stream(number)
        self.send(frames.headers(number, request(method, path, *more, **kwargs)))
        return self.wait_done(number)

    def wait_done(self, number):
        stream = self.stream(number)
        self.wait(lambda: stream.is_done, f"the end of stream {number}")
        return stream

    def story(self):
        return "came: " + ("; ".join(self.log[-12:]) or "nothing")

    def _receive(self):
        if self.is_over:
            return False
        try:
            data = self.link.sock.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        except TimeoutError:
            raise AssertionError(f"nothing came for {TIMEOUT_S:g} s; {self.story()}") from None
        self.unread += data
        if not self.log and self.unread.startswith(b"HTTP/1."):
            self.is_foreign = True
        self.is_over = not data
        return not self.is_over

    def _take(self, frame):
        self.log.append(str(frame))
        assert len(frame.payload) <= frames.DEFAULT_FRAME_BYTES, f"4.2: too large a frame: {frame}"
        assert self.num_settings or frame.kind == Kind.SETTINGS, f"3.4: SETTINGS come first, not {frame}"
        assert self.block is None or (frame.kind, frame.stream) == (Kind.CONTINUATION, self.block[0]), (
            f"6.10: a field block is not interrupted by {frame}")
        take = getattr(self, "_take_" + Kind(frame.kind).name.lower(), None) if frame.kind < len(Kind) else None
        assert take, f"a server does not send {frame}"
        take(frame)

    def _take_settings(self, frame):
        assert frame.stream == 0 and len(frame.payload) % 6 == 0, f"6.5: {frame}"
        if frame.flags & frames.ACK:
            assert not frame.payload
            self.num_settings_acks += 1
            return
        self.num_settings += 1
        self.settings |= dict(struct.iter_unpack("!HI", frame.payload))
        assert self.settings.get(Setting.ENABLE_PUSH, 0) == 0, "6.5.2: a server does not ask for pushes"
        self.send(frames.settings_ack())

    def _take_ping(self, frame):
        assert frame.stream == 0 and len(frame.payload) == 8, f"6.7: {frame}"
        if frame.flags & frames.ACK:
            self.pings.append(frame.payload)
        else:
            self.send(frames.ping(frame.payload, is_ack=True))

    def _take_goaway(self, frame):
        last, code = struct.unpack("!II", frame.payload[:8])
        assert frame.stream == 0 and (self.goaway is None or last <= self.goaway[0]), f"6.8: {frame}"
        self.goaway = (last, code)
        self.goaways.append(code)

    def _take_window_update(self, frame):
        (increment,) = struct.unpack("!I", frame.payload)
        assert increment, f"6.9: {frame}"
        self.windows[frame.stream] = self.windows.get(frame.stream, 0) + increment

    def _take_rst_stream(self, frame):
        (code,) = struct.unpack("!I", frame.payload)
        self._known(frame).reset = code

    def _take_headers(self, frame):
        payload = frame.payload
        if frame.flags & frames.PADDED:
            payload = payload[1:len(payload) - payload[0]]
        if frame.flags & frames.PRIORITY_FLAG:
            payload = payload[5:]
        self._known(frame)
        self.block = (frame.stream, payload, bool(frame.flags & frames.END_STREAM))
        self._end_block(frame)

    def _take_continuation(self, frame):
        assert self.block, f"6.10: {frame}"
        number, block, is_end = self.block
        self.block = (number, block + frame.payload, is_end)
        self._end_block(frame)

    def _end_block(self, frame):
        if not frame.flags & frames.END_HEADERS:
            return
        number, block, is_end = self.block
        self.block = None
        stream = self.stream(number)
        decoded = self.decoder.decode(block, raw=True)
        assert all(name == name.lower() for name, _ in decoded), f"8.2.1: {decoded}"
        if stream.status is not None:
            assert is_end and stream.trailers is None and not any(name[:1] == b":" for name, _ in decoded), decoded
            stream.trailers = decoded
        else:
            (name, status), *fields = decoded
            assert name == b":status" and not any(name[:1] == b":" for name, _ in fields), f"8.3.2: {decoded}"
            forbidden = {b"connection", b"transfer-encoding", b"keep-alive", b"upgrade", b"proxy-connection"}
            assert not forbidden & {name for name, _ in fields}, f"8.2.2: {decoded}"
            if int(status) < 200:
                assert not is_end and status != b"101", f"8.1: {decoded}"
                stream.interim.append(int(status))
                return
            stream.status, stream.fields = int(status), fields
        stream.is_ended = is_end

    def _take_data(self, frame):
        payload = frame.payload
        if frame.flags & frames.PADDED:
            payload = payload[1:len(payload) - payload[0]]
        stream = self._known(frame)
        assert stream.status is not None, f"8.1: no head before {frame}"
        stream.body += payload
        stream.is_ended = bool(frame.flags & frames.END_STREAM)
        if self.grants and frame.payload:
            self.send(frames.window_update(0, len(frame.payload)))
            if not stream.is_ended:
                self.send(frames.window_update(frame.stream, len(frame.payload)))

    def _known(self, frame):
        assert frame.stream % 2 == 1, f"5.1.1: not a stream of ours: {frame}"
        stream = self.stream(frame.stream)
        assert not stream.is_ended or frame.kind == Kind.RST_STREAM, f"5.1: the stream has ended: {frame}"
        assert stream.reset is None, f"5.4.2: the stream was reset: {frame}"
        return stream


def code_name(code):
    return Code(code).name if code in iter(Code) else hex(code)
