"""A client over TLS whose records are in the hands of the test: the handshake, the bytes of each and the end."""

import socket
import ssl

from .http_client import RawClient

VERSIONS = {"1.2": (ssl.TLSVersion.TLSv1_2,) * 2, "1.3": (ssl.TLSVersion.TLSv1_3,) * 2}
CLOSE_NOTIFY, ALERT_RECORD = "close_notify", 0x15


class HandshakeFailed(Exception):
    """`alert`: its number (RFC 8446 6), None where the connection ended without one."""

    def __init__(self, alert, error):
        super().__init__(f"alert {alert}: {error}")
        self.alert = alert


def client_context(authority=None, versions=None, ciphers=None, protocols=None):
    """Trusts `authority`, or everybody. `versions`: (least, most) of ssl.TLSVersion."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # Python would take an end without close_notify for one with it
    if authority is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=authority.root.chain)
    if versions is not None:
        context.minimum_version, context.maximum_version = versions
    if ciphers is not None:
        context.set_ciphers(ciphers)
    if protocols is not None:
        context.set_alpn_protocols(protocols)
    return context


class TlsSocket:
    """The calls of a socket, with TLS below them. `raw` is the connection itself; `end` how the other side ended:
    None, "close_notify", "torn" (without it) or "reset"."""

    def __init__(self, raw, context, server_name=None, session=None):
        self.raw, self.end, self.plain = raw, None, b""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=server_name, session=session)

    def handshake(self):
        first = b""
        while True:
            try:
                self.tls.do_handshake()
                return self.flush()
            except ssl.SSLWantReadError:
                self.flush()
                first = self._feed()  # an alert is a record of its own
            except ssl.SSLError as error:
                try:
                    self.flush()
                except OSError:
                    pass
                # Not encrypted as long as no key was agreed on.
                raise HandshakeFailed(first[6] if first[:1] == bytes([ALERT_RECORD]) else None, error) from None

    def encrypt(self, data):
        """The records of `data`, for whoever sends them."""
        while data:
            data = data[self.tls.write(data):]
        return self.outgoing.read()

    def sendall(self, data):
        self.raw.sendall(self.encrypt(data))

    def recv(self, size):
        while not self._has_plain():
            self._feed()
        data, self.plain = self.plain[:size], self.plain[size:]
        return data

    def has_word(self, timeout):
        """Whether recv() has something to tell, waiting so long at most: bytes or the end."""
        before = self.raw.gettimeout()
        try:
            self.raw.settimeout(timeout)
            while not self._has_plain():
                self._feed()
        except (BlockingIOError, socket.timeout):
            return False
        except ConnectionResetError:
            pass
        finally:
            self.raw.settimeout(before)
        return True

    def _has_plain(self):
        if self.plain or self.end is not None:
            return True
        try:
            self.plain = self.tls.read(1 << 16)
            if not self.plain:
                self.end = CLOSE_NOTIFY
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLZeroReturnError:
            self.end = CLOSE_NOTIFY
        except ssl.SSLEOFError:
            self.end = "torn"
        finally:
            self.flush()  # answers to key updates
        return True

    def say_close(self):
        """Sends close_notify; what comes can still be read."""
        assert not self.incoming.pending, "would be lost"
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass  # the other side's is still to come
        self.flush()

    def send_and_say_close(self, data):
        """In one write."""
        records = self.encrypt(data)
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        self.raw.sendall(records + self.outgoing.read())

    def shutdown(self, how):
        """As of a socket: close_notify, and then the end of the stream."""
        self.say_close()
        self.raw.shutdown(how)

    def close(self):
        self.raw.close()

    def flush(self):
        if self.outgoing.pending:
            self.raw.sendall(self.outgoing.read())

    def _feed(self):
        """Reads once; returns what came."""
        try:
            data = self.raw.recv(1 << 16)
        except ConnectionResetError:
            self.end = "reset"
            self.incoming.write_eof()
            raise
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
        return data


class TlsClient(RawClient):
    """A connection over TLS. `sock` has only what TlsSocket has."""

    def __init__(self, address, context=None, server_name=None, session=None, timeout=30.0):
        super().__init__(address, timeout)
        self.sock = TlsSocket(self.sock, context or client_context(), server_name, session)
        try:
            self.sock.handshake()
        except BaseException:
            self.close()
            raise

    @property
    def tls(self):
        return self.sock.tls

    @property
    def certificate(self):
        """The server's, as DER."""
        return self.tls.getpeercert(binary_form=True)

    def send_records(self, data, size):
        """Records of `size` bytes each, in one write."""
        pieces = [data[i:i + size] for i in range(0, len(data), size)]
        self.sock.raw.sendall(b"".join(self.sock.encrypt(piece) for piece in pieces))

    def read_to_end(self):
        """All bytes until the other side ends; `self.sock.end` says how."""
        pieces = [self.unread]
        self.unread = b""
        try:
            while piece := self.sock.recv(1 << 16):
                pieces.append(piece)
        except ConnectionResetError:
            pass
        return b"".join(pieces)
