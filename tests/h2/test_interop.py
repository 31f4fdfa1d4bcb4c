"""Clients of others: curl, nghttp, h2load, python3-h2, and a browser."""

import json
import re
import shutil
import subprocess

import pytest
from support.backend import Backend, ok
from support.config_file import single

LARGE = bytes(range(256)) * 4096  # 1 MB


def run(program, *args, **kwargs):
    assert shutil.which(program), f"{program} is missing: ./dev setup test"
    done = subprocess.run([program, *args], capture_output=True, timeout=120, check=False, **kwargs)
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
    return done


def answer(conversation):
    """The body comes back, or 1 MB."""
    if conversation.request.target == "/large":
        return conversation.send(ok(LARGE))
    return conversation.send(ok(conversation.request.body or b"hello", [("Content-Type", "text/html")]))


@pytest.fixture(scope="module")
def backend():
    made = Backend(answer)
    yield made
    made.close()


@pytest.fixture(scope="module")
def daemon(proxies, backend):
    return proxies.start(single(backend))


@pytest.fixture(params=["tcp", "tls"])
def url(request, daemon):
    return {"tcp": "http://", "tls": "https://"}[request.param] + daemon.address(request.param)


class TestCurl:
    @staticmethod
    def ask(url, *more, **kwargs):
        """(version and status, body)"""
        how = "--http2" if url.startswith("https") else "--http2-prior-knowledge"
        done = run("curl", "-skS", how, "-w", "%{stderr}%{http_version} %{http_code}", *more, url, **kwargs)
        return done.stderr.decode(), done.stdout

    def test_get(self, url):
        assert self.ask(url) == ("2 200", b"hello")

    def test_large_answer(self, url):
        assert self.ask(url + "/large") == ("2 200", LARGE)

    def test_large_body(self, url):
        assert self.ask(url, "--data-binary", "@-", input=LARGE) == ("2 200", LARGE)

    def test_body_of_unknown_length(self, url):
        assert self.ask(url, "-T", "-", input=LARGE) == ("2 200", LARGE)

    def test_head(self, url):
        told, body = self.ask(url, "--head")
        assert told == "2 200" and body.startswith(b"HTTP/2 200 \r\n") and b"content-length: 5\r\n" in body

    def test_many_at_once(self, daemon):
        """Over TLS alone: without, curl 7.88 does not get along with itself (nghttpx has the same error from it)."""
        done = run("curl", "-skS", "--http2", "--parallel", "--parallel-max", "50", "-o", "/dev/null",
                   "-w", "%{http_version} %{http_code}\n", "https://" + daemon.address("tls") + "/large?[1-100]")
        assert done.stdout.split(b"\n")[:-1] == [b"2 200"] * 100

    def test_upgrade_is_not_taken(self, daemon):
        """RFC 9113 3.1 has dropped the upgrade of plain connections: HTTP/1.1 goes on."""
        done = run("curl", "-sS", "--http2", "-w", "%{stderr}%{http_version} %{http_code}",
                   "http://" + daemon.address("tcp"))
        assert (done.stderr, done.stdout) == (b"1.1 200", b"hello")


class TestNghttp:
    def test_get(self, url):
        done = run("nghttp", "--no-verify-peer", url)
        assert done.stdout == b"hello"

    def test_many_requests_with_windows_of_16_kb(self, url):
        done = run("nghttp", "--no-verify-peer", "-w", "14", "-W", "14", "-m", "50", url + "/large")
        assert len(done.stdout) == 50 * len(LARGE)  # it writes what comes, of all of them

    def test_trailers_and_continuation(self, url, tmp_path):
        (tmp_path / "body").write_bytes(b"some body")
        done = run("nghttp", "--no-verify-peer", "--continuation", "--trailer", "x-sum: 1", "-d",
                   str(tmp_path / "body"), url)
        assert done.stdout == b"some body"

    def test_upload(self, url, tmp_path):
        (tmp_path / "body").write_bytes(LARGE)
        assert run("nghttp", "--no-verify-peer", "-d", str(tmp_path / "body"), url).stdout == LARGE


@pytest.mark.parametrize("target, num_requests", [("/", 2_000), ("/large", 200)])
def test_h2load(url, target, num_requests):
    text = run("h2load", "-n", str(num_requests), "-c", "8", "-m", "20", url + target).stdout.decode()
    assert f"{num_requests} succeeded, 0 failed, 0 errored, 0 timeout" in text, text
    assert "Application protocol: h2" in text, text
    assert f"{num_requests} 2xx" in text, text


def test_python_h2(daemon, url):
    """python3-h2, which holds its peer to RFC 7540 with an implementation of its own."""
    connection = pytest.importorskip("h2.connection")
    events = pytest.importorskip("h2.events")
    from links import LINKS  # noqa: only its sockets
    name = "tls" if url.startswith("https") else "tcp"
    with LINKS[name].open(daemon.address(name)) as mine:
        sock = mine.link.sock
        theirs = connection.H2Connection()
        theirs.initiate_connection()
        for number in (1, 3, 5):
            theirs.send_headers(number, [(":method", "GET"), (":path", "/large"), (":scheme", url.split(":")[0]),
                                         (":authority", "a.test")], end_stream=True)
        sock.sendall(theirs.data_to_send())
        bodies, num_ended = {}, 0
        while num_ended < 3:
            for event in theirs.receive_data(sock.recv(1 << 16)):
                if isinstance(event, events.DataReceived):
                    bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                    theirs.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                num_ended += isinstance(event, events.StreamEnded)
                assert not isinstance(event, (events.StreamReset, events.ConnectionTerminated)), event
            sock.sendall(theirs.data_to_send())
        assert bodies == {1: LARGE, 3: LARGE, 5: LARGE}


PAGE = b"""<!DOCTYPE html><title>waiting</title><p id=told></p><script>
const told = document.getElementById("told");
Promise.all([...Array(20).keys()].map(i => fetch("/large?" + i).then(r => r.arrayBuffer())))
  .then(all => fetch("/echo", {method: "POST", body: "from a page"}).then(r => r.text()).then(text => {
    const entries = performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"));
    told.textContent = JSON.stringify({
      protocols: [...new Set(entries.map(e => e.nextHopProtocol))], num: entries.length, text,
      sizes: [...new Set(all.map(a => a.byteLength))]});
  }));
</script>"""


def test_browser(proxies, tmp_path):
    """Headless Chromium loads a page over TLS, and all that it asks for by h2."""
    program = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)
    if program is None:
        pytest.skip("no Chromium: ./dev setup browser")

    def serve(conversation):
        if conversation.request.target.startswith("/large"):
            return conversation.send(ok(LARGE))
        body = PAGE if conversation.request.target == "/" else conversation.request.body
        return conversation.send(ok(body, [("Content-Type", "text/html")]))

    backend = Backend(serve)
    try:
        daemon = proxies.start(single(backend))
        page = run(program, "--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors",
                   f"--user-data-dir={tmp_path}", "--virtual-time-budget=10000", "--dump-dom",
                   "https://" + daemon.address("tls") + "/").stdout.decode()
    finally:
        backend.close()
    match = re.search(r"<p id=\"told\">(\{.*\})</p>", page)
    assert match, page
    told = json.loads(match[1])
    assert told["protocols"] == ["h2"] and told["num"] >= 22
    assert (told["text"], told["sizes"]) == ("from a page", [len(LARGE)])
