"""Backends behind Python's TLS: what they saw of each handshake, and their requests as Backend records them."""

import ssl
from dataclasses import dataclass

from .backend import Backend


@dataclass(frozen=True)
class Handshake:
    is_resumed: bool
    version: str
    protocol: str  # of ALPN
    server_name: str
    client: str  # common name of the client's certificate; None without one


def server_context(made, folder, client_authority=None, version=None):
    """Shows `made`. With `client_authority`, clients need a certificate of its. `folder` is for files of this."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder.mkdir(parents=True, exist_ok=True)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_text(made.chain, encoding="ascii")
    key.write_text(made.key, encoding="ascii")
    context.load_cert_chain(chain, key)
    context.set_alpn_protocols(["http/1.1"])
    if client_authority is not None:
        context.load_verify_locations(cadata=client_authority.root.chain)
        context.verify_mode = ssl.CERT_REQUIRED
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


class TlsBackend(Backend):
    """`context` may be replaced while the backend runs. `handshakes` are those completed, `failures` the others."""

    def __init__(self, context, handler=None, **kwargs):
        self.handshakes, self.failures = [], []
        self.clients = {}  # by connection: common name of its client
        self.context = context
        super().__init__(handler, **kwargs)

    def _serve(self, sock, index):
        asked = []
        context = self.context
        context.sni_callback = lambda tls, name, _: asked.append(name)
        try:
            tls = context.wrap_socket(sock, server_side=True)
        except OSError as failure:  # ssl.SSLError is one
            with self.lock:
                self.failures.append(str(failure))
                self.socks.discard(sock)
                self.lock.notify_all()
            sock.close()
            return
        subject = dict(pair[0] for pair in (tls.getpeercert() or {}).get("subject", ()))
        with self.lock:
            self.socks.discard(sock)
            self.socks.add(tls)
            self.handshakes.append(Handshake(tls.session_reused, tls.version(), tls.selected_alpn_protocol(),
                                             asked[0] if asked else None, subject.get("commonName")))
            self.clients[index] = subject.get("commonName")
            self.lock.notify_all()
        super()._serve(tls, index)
