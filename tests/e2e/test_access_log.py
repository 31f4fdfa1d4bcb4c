"""The access log: where it goes, what a line says, and that nothing can forge one."""

import json

import pytest

from support.http_client import RawClient
from support.manifests import site
from support.waiting import eventually


@pytest.fixture
def proxy(start, manifests, make_backend):
    manifests.write("a.yaml", site("a", "a.example.com", make_backend(name="a")))
    return start().wait_ready()


def test_line_of_a_proxied_request(proxy, manifests):
    response = proxy.ask("a.example.com", "/some/path?x=1", method="POST", body=b"12345")
    assert response.status == 200
    entry = proxy.wait_log(path="/some/path")
    assert entry["client"] == "127.0.0.1"
    assert (entry["method"], entry["host"], entry["protocol"]) == ("POST", "a.example.com", "HTTP/1.1")
    assert (entry["status"], entry["bytes_in"], entry["bytes_out"]) == (200, 5, len(response.body))
    assert entry["duration_ms"] >= entry["upstream_ms"] >= 0
    assert entry["upstream"].startswith("127.0.0.1:")
    assert entry["route"].startswith("default/a/")
    assert entry["request_id"] and entry["listener"] == "http-0"
    assert "why" not in entry
    assert entry["time"].endswith("Z") and len(entry["time"]) == len("2026-01-31T12:00:00.123Z")


def test_line_says_why_when_the_answer_is_ours(proxy):
    assert proxy.ask("unknown.example.com", "/lost").status == 404
    entry = proxy.wait_log(path="/lost")
    assert (entry["status"], entry["why"]) == (404, "no_route")
    assert "upstream" not in entry and "upstream_ms" not in entry


def test_hostile_bytes_cannot_forge_a_line(proxy):
    # Whether a head is accepted or refused: each request makes one line of valid JSON.
    targets = [b"/%0a%0d{}", b'/"},{"x', b"/\xff\xfe", b"/\xe2\x80\xa8", b"/\\", b"/a\x0bb", b"/%00"]
    for target in targets:
        with RawClient(proxy.http) as client:
            client.send(b"GET " + target + b" HTTP/1.1\r\nHost: a.example.com\r\n\r\n")
            client.read_response()
    eventually(lambda: len(proxy.log_entries()) == len(targets), "one line for each request")
    with open(proxy.log_path, "rb") as file:
        text = file.read().decode("utf-8")  # strict
    assert len(text.splitlines()) == len(targets)


def test_stdout_and_off(start, manifests, make_backend):
    manifests.write("a.yaml", site("a", "a.example.com", make_backend()))
    proxy = start("--access-log", "stdout").wait_ready()
    proxy.ask("a.example.com", "/on-stdout")
    entry = json.loads(proxy.process.stdout.readline())
    assert entry["path"] == "/on-stdout"
    silent = start("--access-log", "off").wait_ready()
    assert silent.ask("a.example.com").status == 200
    silent.signal(15)
    silent.wait_exit()
    assert silent.process.stdout.read() == b""


def test_reader_that_never_reads_blocks_nobody(start, manifests, make_backend):
    manifests.write("a.yaml", site("a", "a.example.com", make_backend()))
    # Nobody reads the pipe of stdout; 64 KiB of it and 1 MiB of queue per worker must fill up.
    proxy = start("--access-log", "stdout", "--workers", "1").wait_ready()
    target = "/" + "x" * 8000
    with proxy.connect() as client:
        for _ in range(400):
            assert client.request(target=target, host="unknown.example.com").status == 404
        assert proxy.metric("proxyd_access_log_dropped_total") > 0
    assert proxy.ask("a.example.com").status == 200
