"""Real peers: Debian's nginx as the backend, curl as the client. What curl sees through the proxy must be what
it sees directly."""

import hashlib
import json
import os
import re
import shutil
import subprocess

import pytest

from support.config_file import cluster, config, route, write_config
from support.daemon import Daemon
from support.nginx import Nginx

SERVER = """
  client_max_body_size 100m;
  types { text/html html; text/plain txt; }
  default_type application/octet-stream;
  if_modified_since before;
  gzip on; gzip_types text/plain; gzip_min_length 1;
  server {
    listen 127.0.0.1:{port0};
    root {folder}/files;
    location /echo { add_header X-Method $request_method; add_header X-Uri $request_uri;
                     add_header X-Host $host; add_header X-For $http_x_forwarded_for;
                     add_header X-Expect "$http_expect"; return 200 "echo\\n"; }
    location /empty { return 204; }
    location /gone { return 410; }
    location /moved { return 301 /elsewhere; }
    location /close { keepalive_timeout 0; return 200 "closing\\n"; }
    location /teapot { return 418 "short and stout\\n"; }
    location /dav { root {folder}/dav; dav_methods PUT DELETE; }
  }
  server {
    listen 127.0.0.1:{port1};
    client_max_body_size 1k;
    root {folder}/dav;
    location / { dav_methods PUT; }
  }
"""


@pytest.fixture(scope="module")
def peers(tmp_path_factory):
    """(address of nginx, address of the proxy in front of it, folder of nginx)"""
    folder = tmp_path_factory.mktemp("peers") / "nginx"
    nginx = Nginx(folder, SERVER, 2)
    files, dav = folder / "files", folder / "dav" / "dav"
    files.mkdir()
    dav.mkdir(parents=True)
    (files / "small.txt").write_text("small\n" * 100)
    (files / "large.bin").write_bytes(os.urandom(20 << 20))
    value = config([cluster("nginx", ("127.0.0.1", nginx.ports[0])), cluster("small", ("127.0.0.1", nginx.ports[1]))],
                   [route("all", "nginx"), route("small", "small", "small.test")])
    proxy = Daemon(["--config", write_config(folder.parent / "config", value)], folder.parent).wait_ready()
    yield f"127.0.0.1:{nginx.ports[0]}", proxy, folder
    proxy.stop()
    nginx.close()


def curl(*args, check=True):
    program = shutil.which("curl")
    assert program, "curl is missing: ./dev setup test"
    done = subprocess.run([program, "-sS", "--max-time", "60", *args], capture_output=True, check=False)
    assert not check or done.returncode == 0, done.stderr.decode()
    return done


def see(address, target, *args):
    """What curl sees: status, fields (but for those that change with time or connection), digest of the body."""
    done = curl("-i", *args, f"http://{address}{target}")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    while re.match(rb"HTTP/1.1 1\d\d", head):
        head, _, body = body.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = sorted(line for line in lines[1:] if not line.lower().startswith(("date:", "connection:")))
    return lines[0], fields, hashlib.sha256(body).hexdigest()


# name: (status, target, arguments of curl)
SAME = {
    "small": (200, "/small.txt"), "large": (200, "/large.bin"), "gzip": (200, "/small.txt", "--compressed"),
    "head": (200, "/small.txt", "-I"), "head-large": (200, "/large.bin", "-I"),
    "http10": (200, "/small.txt", "--http1.0"), "http10-large": (200, "/large.bin", "--http1.0"),
    "range": (206, "/large.bin", "-r", "1000-70000"), "range-bad": (416, "/small.txt", "-r", "100000-"),
    "not-modified": (304, "/small.txt", "-H", "If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT"),
    "missing": (404, "/missing"), "empty": (204, "/empty"),
    "gone": (410, "/gone"), "teapot": (418, "/teapot"), "closing": (200, "/close"), "query": (200, "/small.txt?a&b=c"),
    "delete-missing": (404, "/dav/none", "-X", "DELETE"), "not-allowed": (405, "/small.txt", "-d", "x=y"),
    "options": (405, "/small.txt", "-X", "OPTIONS"),
}


@pytest.mark.parametrize("name", SAME)
def test_same_answer_as_without_the_proxy(peers, name):
    nginx, proxy, _ = peers
    status, target, *args = SAME[name]
    direct = see(nginx, target, *args)
    assert direct[0].split()[1] == str(status)
    assert see(proxy.http, target, *args) == direct


def test_location_names_what_the_client_asked(peers):
    nginx, proxy, _ = peers
    assert see(nginx, "/moved")[0] == see(proxy.http, "/moved")[0]
    location, = [f for f in see(proxy.http, "/moved", "-H", "Host: shop.test")[1] if f.startswith("Location")]
    assert location.startswith("Location: http://shop.test")


def test_what_nginx_is_told(peers):
    _, proxy, _ = peers
    _, fields, _ = see(proxy.http, "/echo/a%20b?c=d", "-H", "Host: shop.test", "-X", "PROPFIND")
    assert {"X-Method: PROPFIND", "X-Uri: /echo/a%20b?c=d", "X-Host: shop.test", "X-For: 127.0.0.1"} <= set(fields)


@pytest.mark.parametrize("args", [(), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect: 100-continue"),
                                  ("-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"),
                                  ("--http1.0",), ("-H", "Expect:")])
def test_uploads_arrive_whole(peers, tmp_path, args):
    _, proxy, folder = peers
    content = os.urandom(10 << 20)
    (tmp_path / "content").write_bytes(content)
    name = hashlib.sha256("".join(args).encode()).hexdigest()[:8]
    done = curl("-T", str(tmp_path / "content"), "--expect100-timeout", "30", *args, "-w", "%{http_code}",
                f"http://{proxy.http}/dav/{name}")
    assert done.stdout.decode()[-3:] == "201"
    assert (folder / "dav" / "dav" / name).read_bytes() == content
    assert curl(f"http://{proxy.http}/dav/{name}", "-X", "DELETE", "-w", "%{http_code}").stdout[-3:] == b"204"


def test_expected_body_that_nginx_refuses_is_not_sent(peers, tmp_path):
    _, proxy, _ = peers
    (tmp_path / "content").write_bytes(b"x" * 100_000)
    done = curl("-T", str(tmp_path / "content"), "-H", "Host: small.test", "-H", "Expect: 100-continue",
                "--expect100-timeout", "30", "-o", str(tmp_path / "answer"), "-w", "%{json}",
                f"http://{proxy.http}/x")
    seen = json.loads(done.stdout)
    assert (seen["http_code"], seen["size_upload"]) == (413, 0)


def test_body_that_nginx_refuses_gets_its_answer_through(peers, tmp_path):
    _, proxy, _ = peers
    (tmp_path / "content").write_bytes(b"x" * 10_000_000)
    for framing in ("Expect:", "Transfer-Encoding: chunked"):
        done = curl("-T", str(tmp_path / "content"), "-H", "Host: small.test", "-H", "Expect:", "-H", framing,
                    "-o", str(tmp_path / "answer"), "-w", "%{http_code}", f"http://{proxy.http}/x")
        assert done.stdout == b"413"


def test_one_connection_for_many_requests(peers, tmp_path):
    _, proxy, _ = peers
    targets = [arg for i in range(200) for arg in ("-o", str(tmp_path / "out"), f"http://{proxy.http}/small.txt?{i}")]
    done = curl("-w", "%{num_connects}\\n", *targets)
    assert done.stdout.decode().split() == ["1"] + ["0"] * 199


def test_both_ends_in_parallel(peers, tmp_path):
    _, proxy, folder = peers
    expected = (folder / "files" / "large.bin").read_bytes()
    outputs = [tmp_path / f"out{i}" for i in range(8)]
    args = [arg for output in outputs for arg in ("-o", str(output), f"http://{proxy.http}/large.bin")]
    curl("--parallel", "--parallel-max", "8", "--http1.1", *args)
    assert all(output.read_bytes() == expected for output in outputs)


def test_curl_over_ipv6(start, peers, tmp_path):
    nginx, _, _ = peers
    port = int(nginx.rsplit(":", 1)[1])
    value = config([cluster("nginx", ("127.0.0.1", port))], [route("all", "nginx")], address="::1")
    proxy = start("--config", write_config(tmp_path / "six", value)).wait_ready()
    assert see(proxy.http, "/small.txt", "-g")[0] == "HTTP/1.1 200 OK"
