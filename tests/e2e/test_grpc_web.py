"""gRPC-Web as browsers send it, over HTTP/1.1 and HTTP/2, to grpcio's own server, which knows nothing of it."""

import base64
import shutil
import subprocess

import pytest

from support.config_file import cluster, config, route, write_config
from support.grpc_backend import SERVICE, GrpcBackend, Peer, message
from support.waiting import PATIENCE_S

BINARY, TEXT = "application/grpc-web+proto", "application/grpc-web-text"


@pytest.fixture
def backend():
    made = GrpcBackend()
    yield made
    made.close()


@pytest.fixture
def proxy(start, tmp_path, backend):
    value = config([cluster("only", backend, protocol="http2")], [route("all", "only", grpc_web="translate")])
    return start("--config", write_config(tmp_path / "config", value), "--workers", "1").wait_ready()


class Answer:
    def __init__(self, head, body):
        blocks = head.decode().replace("\r", "").strip().split("\n\n")  # interim ones first, trailers last
        lines = [block for block in blocks if block.startswith("HTTP/")][-1].split("\n")
        self.status = int(lines[0].split()[1])
        self.fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        self.body = body

    @property
    def frames(self):
        """(flag, payload) of the body; of text each group is decoded on its own, as it may be padded anywhere."""
        body = self.body
        if self.fields["content-type"].startswith(TEXT):
            body = b"".join(base64.b64decode(body[i:i + 4], validate=True) for i in range(0, len(body), 4))
        found = []
        while body:
            size = int.from_bytes(body[1:5], "big")
            assert len(body) >= 5 + size
            found.append((body[0], body[5:5 + size]))
            body = body[5 + size:]
        return found

    @property
    def messages(self):
        return [payload for flag, payload in self.frames if flag == 0]

    @property
    def trailers(self):
        """Of the last frame, which has to be theirs."""
        flag, payload = self.frames[-1]
        assert flag == 0x80 and payload.endswith(b"\r\n")
        return dict(line.split(": ", 1) for line in payload.decode().split("\r\n")[:-1])


@pytest.fixture(params=["--http1.1", "--http2-prior-knowledge"])
def call(request, proxy, tmp_path):
    """call(method, body, kind, fields...): the Answer."""
    def ask(method, body, kind, *fields):
        assert shutil.which("curl"), "curl is missing: ./dev setup"
        head = tmp_path / "head"
        options = [option for field in (f"Content-Type: {kind}", "X-Grpc-Web: 1", *fields) for option in ("-H", field)]
        done = subprocess.run(["curl", "-sS", request.param, "-D", str(head), *options, "--data-binary", "@-",
                               f"http://{proxy.http}/{SERVICE}/{method}"],
                              input=body, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return Answer(head.read_bytes(), done.stdout)

    return ask


def encode(kind, body):
    return base64.b64encode(body) if kind.startswith(TEXT) else body


@pytest.mark.parametrize("kind", [BINARY, TEXT])
def test_one_message(call, backend, proxy, kind):
    answer = call("Echo", encode(kind, message(b"hello")), kind, "my-a: 1")
    assert answer.status == 200 and answer.fields["content-type"].startswith(kind.split("+")[0])
    assert answer.messages == [b"hello"]
    assert answer.trailers["grpc-status"] == "0" and answer.trailers["trailing-my-a"] == "1"
    assert answer.fields["initial-my-a"] == "1"
    metadata = backend.metadata_of("Echo")
    assert metadata["my-a"] == "1" and "x-grpc-web" not in metadata
    entry = proxy.wait_log(path=f"/{SERVICE}/Echo")
    assert (entry["status"], entry["labels"]) == (200, {"grpc_status": "0"})


@pytest.mark.parametrize("kind", [BINARY, TEXT])
def test_a_stream_and_large_messages(call, kind):
    answer = call("Count", encode(kind, message(b"20")), kind)
    assert answer.messages == [b"%d" % i for i in range(20)]
    large = bytes(range(256)) * 8192
    assert call("Echo", encode(kind, message(large)), kind).messages == [large]


def test_text_that_was_padded_in_between(call):
    whole = message(b"hello")
    pieces = b"".join(base64.b64encode(whole[i:i + 4]) for i in range(0, len(whole), 4))
    assert call("Echo", pieces, TEXT).messages == [b"hello"]


def test_text_for_who_accepts_it(call):
    answer = call("Echo", message(b"hello"), BINARY, f"Accept: {TEXT}")
    assert answer.fields["content-type"].startswith(TEXT)
    assert answer.messages == [b"hello"]


@pytest.mark.parametrize("kind", [BINARY, TEXT])
def test_a_status_without_a_message(call, kind):
    answer = call("Fail", encode(kind, message(b"")), kind)
    status = answer.trailers if answer.body else answer.fields
    assert status["grpc-status"] == "5" and status["grpc-message"] == "not here: 100%25 %C3%A4"
    assert base64.b64decode(status["grpc-status-details-bin"] + "==") == b"\x08\x05\x00\xff"
    assert answer.messages == [] if answer.body else True


def test_a_status_behind_messages(call):
    answer = call("FailLate", message(b""), BINARY)
    assert answer.messages == [b"first"] and answer.trailers["grpc-status"] == "15"


def test_a_deadline(call):
    answer = call("Hang", message(b""), BINARY, "grpc-timeout: 200m")
    assert (answer.status, answer.fields["grpc-status"], answer.body) == (200, "4", b"")


def test_text_that_is_none(call):
    answer = call("Echo", b"!!!!", TEXT)
    assert (answer.status, answer.fields["grpc-status"]) == (200, "13")
    assert answer.fields["content-type"] == TEXT


def test_a_backend_that_is_gone(call, backend):
    """Without a body: curl 7.88 drops an answer that does not wait for the end of its request (RFC 9113 8.1)."""
    backend.close()
    answer = call("Echo", b"", BINARY)
    assert (answer.status, answer.fields["grpc-status"], answer.body) == (200, "14", b"")


def test_grpc_itself_is_not_touched(proxy):
    with Peer(proxy.http) as peer:
        assert peer.Echo(b"hello", timeout=PATIENCE_S) == b"hello"
