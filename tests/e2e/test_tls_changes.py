"""TLS while the configuration changes: new certificates under load, listeners that begin or end to speak it."""

import os
import signal
import threading

import pytest

from support.backend import Held, ok
from support.config_file import secured, single, write_config
from support.http_client import ConnectionEnded, RawClient, request_bytes, to_address
from support.manifests import endpoint_slice, ingress, path, secret, service, with_tls
from support.resources import open_socket
from support.tls_client import CLOSE_NOTIFY, HandshakeFailed, TlsClient, TlsSocket, client_context
from support.waiting import eventually

# An instrumented daemon takes several times as long for each.
NUM_CHANGES = 15 if os.environ.get("INGRESS_SANITIZE") else 50


class TlsLoad:
    """Threads that connect anew for each request, and one that stays on its connection. Each handshake verifies the
    certificate; `failures` says what went wrong."""

    def __init__(self, address, authority, num_threads=2):
        self.address, self.context = address, client_context(authority)
        self.stopping = threading.Event()
        self.failures, self.num_new, self.num_kept = [], 0, 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._run, args=(work,), daemon=True)
                        for work in [self._connect_anew] * num_threads + [self._stay]]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def _run(self, work):
        try:
            work()
        except Exception as failure:  # noqa: every kind is what is looked for
            self.failures.append(repr(failure))

    def _ask(self, client):
        response = client.request(host="a.test")
        assert (response.status, response.body) == (200, b"ok\n"), response

    def _connect_anew(self):
        while not self.stopping.is_set():
            with TlsClient(self.address, self.context, "a.test") as client:
                self._ask(client)
            with self.lock:
                self.num_new += 1

    def _stay(self):
        with TlsClient(self.address, self.context, "a.test") as client:
            while not self.stopping.is_set():
                self._ask(client)
                self.num_kept += 1


def shown(address, name="a.test"):
    """The certificate that a new connection sees."""
    with TlsClient(address, None, name) as client:
        return client.certificate


def reconfigure(proxy, folder, value):
    """Returns when all workers serve the configuration `value`."""
    before = proxy.page("/generation")["published"]
    write_config(folder / "config", value)
    proxy.wait_adopted(before + 1)


def change_under_load(proxy, address, authority, change):
    """change(certificate): makes it the one of a.test. Once all workers have it, nobody sees another."""
    with TlsLoad(address, authority) as load:
        for number in range(1, NUM_CHANGES + 1):
            certificate = authority.make("a.test", serial=number, key="rsa" if number % 10 == 0 else "ecdsa")
            before = proxy.page("/generation")["published"]
            change(certificate)
            proxy.wait_adopted(before + 1)
            for _ in range(4):  # some for each worker
                assert shown(address) == certificate.der
        assert load.failures == []
    assert load.failures == []
    assert load.num_new > NUM_CHANGES and load.num_kept > NUM_CHANGES, "too little load to show anything"
    assert proxy.metric("proxyd_tls_handshake_failures_total") == 0


def test_certificates_of_a_configuration_file_change_under_load(start, make_backend, authority, tmp_path):
    backend = make_backend(ok())

    def write(certificate):
        return write_config(tmp_path / "config", secured(single(backend), [certificate.config("a", "a.test")]))

    file = write(authority.make("a.test", serial=0))
    proxy = start("--config", file, "--workers", "2", "--access-log", "off").wait_ready()
    change_under_load(proxy, proxy.http, authority, write)


def test_certificates_of_a_secret_change_under_load(start, manifests, make_backend, authority):
    def write(certificate):
        manifests.rename_over("secret.yaml", secret("a-cert", certificate))

    manifests.write("site.yaml", service("web"), endpoint_slice("web", [make_backend(ok())]),
                    with_tls(ingress("a", "a.test", [path("/", "web")]), "a-cert", "a.test"))
    write(authority.make("a.test", serial=0))
    proxy = start("--https", "127.0.0.1:0", "--access-log", "off").wait_ready()
    change_under_load(proxy, proxy.address("https-0"), authority, write)


def listening_sockets(address):
    """Their inodes: a socket that was made anew has another."""
    port = f":{to_address(address)[1][1]:04X} "
    with open("/proc/net/tcp", encoding="ascii") as table:
        lines = [line.split() for line in table if port in line]
    return {fields[9] for fields in lines if fields[3] == "0A" and fields[1].endswith(port.strip())}


def test_a_listener_begins_to_speak_tls_and_ends_on_the_same_sockets(serve, make_backend, listed, tmp_path):
    backend = make_backend(ok())
    plain = single(backend)
    proxy = serve(plain)
    address = proxy.http
    sockets = listening_sockets(address)
    assert len(sockets) == 1
    clients = [RawClient(address)]
    assert clients[0].request().status == 200
    for number in range(1, 7):
        is_tls = number % 2 == 1
        reconfigure(proxy, tmp_path, secured(plain, listed) if is_tls else plain)
        client = TlsClient(address, None, "a.test") if is_tls else RawClient(address)
        clients.append(client)
        if is_tls:
            with RawClient(address) as old, pytest.raises(ConnectionEnded):
                old.request(host="a.test")
        else:
            with pytest.raises(HandshakeFailed):
                TlsClient(address, None, "a.test")
        assert [client.request(host="a.test").status for client in clients] == [200] * (number + 1), "each as it began"
    assert listening_sockets(address) == sockets
    for client in clients:
        client.close()


def test_versions_of_a_listener_change_for_new_connections(serve, make_backend, listed, tmp_path):
    plain = single(make_backend(ok()))
    proxy = serve(secured(plain, listed, max_version="1.2"))
    with TlsClient(proxy.http, None, "a.test") as client:
        assert client.tls.version() == "TLSv1.2"
        reconfigure(proxy, tmp_path, secured(plain, listed, min_version="1.3"))
        with TlsClient(proxy.http, None, "a.test") as new:
            assert new.tls.version() == "TLSv1.3"
        assert client.request(host="a.test").status == 200


def test_a_certificate_that_goes_takes_its_name_away(serve, make_backend, listed, tmp_path):
    plain = single(make_backend(ok()))
    proxy = serve(secured(plain, listed))
    with TlsClient(proxy.http, None, "a.test") as client:
        reconfigure(proxy, tmp_path, secured(plain, listed[1:]))
        with pytest.raises(HandshakeFailed) as failure:
            shown(proxy.http)
        assert failure.value.alert == 112
        assert client.request(host="a.test").status == 200, "a connection keeps what it began with"


def test_a_handshake_ends_with_the_certificates_that_it_began_with(serve, make_backend, listed, certificates, authority,
                                                                   tmp_path):
    """Their configuration stays for as long, and no longer."""
    plain = single(make_backend(ok()))
    proxy = serve(secured(plain, listed))
    with open_socket(proxy.http) as sock:
        eventually(lambda: proxy.metric("proxyd_connections_open") == 1, "the connection to be there")
        newest = authority.make("a.test", serial=99)
        reconfigure(proxy, tmp_path, secured(plain, [newest.config("a", "a.test")]))
        assert shown(proxy.http) == newest.der
        assert proxy.page("/generation")["workers"][0]["views"] == 2
        client = TlsSocket(sock, client_context(), "a.test")
        client.handshake()
        assert client.tls.getpeercert(binary_form=True) == certificates["a"].der
        eventually(lambda: proxy.page("/generation")["workers"][0]["views"] == 1, "the old one to go")


def test_sigterm_lets_a_request_over_tls_end(start, make_backend, listed, tmp_path):
    with Held() as held:
        file = write_config(tmp_path / "config", secured(single(make_backend(held)), listed))
        proxy = start("--config", file).wait_ready()
        silent = open_socket(proxy.http)  # no handshake yet
        eventually(lambda: proxy.metric("proxyd_connections_open") == 1, "the connection to be there")
        with TlsClient(proxy.http, None, "a.test") as client, TlsClient(proxy.http, None, "a.test") as idle, silent:
            client.send(request_bytes(host="a.test"))
            held.wait_arrived()
            proxy.signal(signal.SIGTERM)
            assert idle.read_to_end() == b"" and idle.sock.end == CLOSE_NOTIFY
            assert silent.recv(1) == b""
            assert proxy.process.poll() is None
            held.release()
            response = client.read_response()
            assert (response.status, response.header("connection")) == (200, "close")
            assert client.read_to_end() == b"" and client.sock.end == CLOSE_NOTIFY
        assert proxy.wait_exit() == 0
