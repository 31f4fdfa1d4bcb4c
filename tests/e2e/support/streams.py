"""Backends and configurations of connections that are no HTTP."""

import json
import os
import socket
import ssl

from .config_file import cluster
from .http_client import RawClient


def echo(connection):
    """Sends back what comes, and ends when the client has."""
    while data := connection.sock.recv(65536):
        connection.sock.sendall(data)
    connection.sock.shutdown(socket.SHUT_WR)


def greeting(text, script=echo):
    """Says `text` first, then goes on with `script`."""
    def serve(connection):
        connection.send(text)
        script(connection)

    return serve


def behind_tls(context, script=echo, seen=None):
    """The server's side of TLS, then `script`; `seen` gets (server name, protocol of ALPN) of each handshake."""
    def serve(connection):
        asked = []
        context.sni_callback = lambda tls, name, _: asked.append(name)
        with context.wrap_socket(connection.sock.dup(), server_side=True) as tls:
            if seen is not None:
                seen.append((asked[0] if asked else None, tls.selected_alpn_protocol()))
            connection.sock = tls
            try:
                script(connection)
            except ssl.SSLError as failure:
                raise OSError("the other side's") from failure

    return serve


def stream(name, target, listener="tcp", tls=None, names=(), **more):
    """A stream route; `target` is a cluster, or backends."""
    backends = [{"cluster": target}] if isinstance(target, str) else target
    return {"name": name, "listener": listener, **({"tls": tls} if tls else {}),
            **({"server_names": list(names)} if names else {}), "backends": backends, **more}


def streams(clusters, stream_routes, listeners=None, **more):
    """A configuration with a plain listener "tcp", unless others are given."""
    return {"version": 1, "listeners": listeners or [{"name": "tcp", "address": "127.0.0.1"}], "clusters": clusters,
            "stream_routes": stream_routes, **more}


def single_stream(backend, cluster_settings=None, route_settings=None, **listener):
    """Every connection goes to `backend`."""
    return streams([cluster("only", *(backend if isinstance(backend, list) else [backend]), **(cluster_settings or {}))],
                   [stream("all", "only", **(route_settings or {}))],
                   [{"name": "tcp", "address": "127.0.0.1", **listener}])


def read_all(client):
    data = bytearray()
    while piece := client.sock.recv(65536):
        data += piece
    return bytes(data)


def read_exactly(client, size):
    data = bytearray()
    while len(data) < size:
        piece = client.sock.recv(size - len(data))
        assert piece, f"ended behind {bytes(data)!r}"
        data += piece
    return bytes(data)


def ask_tcp(proxy, text=b"hello", listener="tcp"):
    """What comes back for `text` on a new connection; None when it is closed instead."""
    with RawClient(proxy.address(listener)) as client:
        try:
            client.send(text)
            client.sock.shutdown(socket.SHUT_WR)
            return read_all(client) or None
        except OSError:
            return None


def is_reset(client):
    try:
        client.sock.recv(1)
        return False
    except ConnectionResetError:
        return True


def change(path, value):
    """Writes the configuration anew, whole at once."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.rename(path + ".new", path)


class OneByOne:
    """A socket that sends each byte in a segment of its own."""

    def __init__(self, sock):
        self.sock = sock

    def sendall(self, data):
        for byte in data:
            self.sock.sendall(bytes([byte]))

    def __getattr__(self, name):
        return getattr(self.sock, name)
