"""Datagrams through the daemon: sessions, their ends, changes of the file under traffic."""

import signal
import socket
import threading

import pytest

from support.config_file import cluster, route, write_config
from support.datagrams import DatagramBackend, DatagramClient
from support.waiting import PATIENCE_S, eventually


@pytest.fixture
def make_echo():
    """make_echo(name="a"): a DatagramBackend that answers with its name and what it got."""
    made = []

    def make(*args, **kwargs):
        made.append(DatagramBackend(*args, **kwargs))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


def udp_config(*backends, address="127.0.0.1", **listener):
    """One UDP listener for a cluster of `backends`."""
    return {"version": 1, "clusters": [cluster("echo", *backends)],
            "udp_listeners": [{"name": "udp-0", "address": address, "backends": [{"cluster": "echo"}], **listener}]}


def start_udp(start, tmp_path, value, *args, drain="10ms", **kwargs):
    """At its end the daemon waits `drain` for sessions."""
    file = write_config(tmp_path / "config", value)
    return start("--config", file, "--tunnel-drain-timeout", drain, *args, **kwargs).wait_ready()


def test_a_session_is_answered_counted_and_logged(start, tmp_path, make_echo):
    backend = make_echo(name="a:")
    daemon = start_udp(start, tmp_path, udp_config(backend, idle_timeout_ms=2_000))
    assert daemon.wait_line(r"udp-0 listens on 127\.0\.0\.1:\d+ \(UDP\)")
    with DatagramClient(daemon.address("udp-0")) as client:
        for data in (b"x", b"", b"y" * 65_000):
            assert client.ask(data) == b"a:" + data
        line = daemon.wait_log(why="idle_timeout")
        assert line.pop("time") and line.pop("duration_ms") >= 2_000
        assert line == {"client": "127.0.0.1", "client_port": client.port, "listener": "udp-0", "protocol": "udp",
                        "bytes_in": 65_001, "bytes_out": 65_007, "datagrams_in": 3, "datagrams_out": 3,
                        "upstream": f"127.0.0.1:{backend.port}", "cluster": "echo", "why": "idle_timeout"}
    for name, value in {"sessions_total": 1, "sessions_open": 0, "client_datagrams_total": 3,
                        "backend_datagrams_total": 3, "client_bytes_total": 65_001,
                        "backend_bytes_total": 65_007}.items():
        daemon.wait_metric(f"proxyd_udp_{name}", value)
    assert daemon.metric('proxyd_udp_datagrams_dropped_total{why="no_room"}') == 0


def test_clients_of_two_workers_keep_their_backends(start, tmp_path, make_echo):
    backends = [make_echo(name=name) for name in ("a", "b", "c")]
    daemon = start_udp(start, tmp_path, udp_config(*backends), "--workers", "2")
    clients = [DatagramClient(daemon.address("udp-0")) for _ in range(60)]
    names = [client.ask(b"") for client in clients]
    for _ in range(5):
        for client in clients:
            client.send(b"")
        assert [client.receive() for client in clients] == names
    assert set(names) == {b"a", b"b", b"c"}
    for client in clients:
        client.close()
    daemon.wait_metric("proxyd_udp_sessions_total", 60)


def test_a_wildcard_listener_answers_from_the_address_spoken_to(start, tmp_path, make_echo):
    daemon = start_udp(start, tmp_path, udp_config(make_echo(), address="0.0.0.0"), "--workers", "2")
    port = daemon.address("udp-0").rpartition(":")[2]
    for host in ("127.0.0.1", "127.0.0.2", "127.9.9.9"):
        with DatagramClient(f"{host}:{port}") as client:
            assert [client.ask(b"%d" % i) for i in range(3)] == [b"0", b"1", b"2"], host


def test_ipv6_and_ipv4_share_the_unspecified_address(start, tmp_path, make_echo):
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 on this machine")
    daemon = start_udp(start, tmp_path, udp_config(make_echo(), address="::"))
    port = daemon.address("udp-0").rpartition(":")[2]
    for host in ("[::1]", "127.0.0.1", "127.0.0.2"):
        with DatagramClient(f"{host}:{port}") as client:
            assert [client.ask(b"%d" % i) for i in range(3)] == [b"0", b"1", b"2"], host


def test_limits_of_a_source_and_of_all(start, tmp_path, make_echo):
    value = udp_config(make_echo(), max_sessions=3, max_sessions_per_source=2)
    daemon = start_udp(start, tmp_path, value, "--workers", "1")
    address = daemon.address("udp-0")
    clients = [DatagramClient(address, "127.0.0.2") for _ in range(3)]
    assert [client.ask(b"x") for client in clients[:2]] == [b"x"] * 2
    clients[2].send(b"x")
    daemon.wait_metric('proxyd_udp_datagrams_dropped_total{why="max_sessions_per_source"}', 1)
    clients += [DatagramClient(address, "127.0.0.3"), DatagramClient(address, "127.0.0.4")]
    assert clients[3].ask(b"x") == b"x"
    clients[4].send(b"x")
    daemon.wait_metric('proxyd_udp_datagrams_dropped_total{why="max_sessions"}', 1)
    for client in clients:
        client.close()


def test_a_backend_that_is_not_there_is_told_by_icmp(start, tmp_path, make_echo):
    gone = DatagramBackend()
    gone.close()
    daemon = start_udp(start, tmp_path, udp_config(gone))
    with DatagramClient(daemon.address("udp-0")) as client:
        client.send(b"x")
        line = daemon.wait_log(why="connect_failed:refused")
        assert line["upstream"] == f"127.0.0.1:{gone.port}" and line["datagrams_out"] == 0
        backend = make_echo(port=gone.port)
        assert eventually(lambda: client.send(b"y") or client.receive(0.1), "an answer") == b"y"
        assert backend.received[0] == b"y"


def test_a_host_name_is_resolved_and_its_second_address_serves(start, tmp_path, make_echo):
    backend = make_echo(address="127.0.0.2")
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 echo.test\n127.0.0.2 echo.test\n", encoding="utf-8")
    daemon = start_udp(start, tmp_path, udp_config(("echo.test", backend.port), ), env={"CARES_HOSTS": str(hosts)})
    with DatagramClient(daemon.address("udp-0")) as client:
        assert eventually(lambda: client.send(b"x") or client.receive(0.1), "an answer") == b"x"
    assert daemon.metric("proxyd_udp_sessions_total") == 1  # with whichever address


def test_a_name_that_nobody_knows_and_an_address_that_is_refused(start, tmp_path, make_echo):
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 local.test\n", encoding="utf-8")
    backend = make_echo()
    for name, why in (("local.test", "address_refused"), ("127.0.0.1", "address_refused")):
        daemon = start_udp(start, tmp_path, udp_config((name, backend.port)), "--allow-local-backends=false",
                           env={"CARES_HOSTS": str(hosts)})
        with DatagramClient(daemon.address("udp-0")) as client:
            client.send(b"x")
            assert "upstream" not in daemon.wait_log(why=f"{why}:loopback")
            daemon.wait_metric(f'proxyd_udp_datagrams_dropped_total{{why="{why}"}}', 1)
    assert backend.received == []


def test_udp_and_tcp_share_a_port_number(start, tmp_path, make_backend, make_echo):
    tcp, udp = make_backend(name="tcp"), make_echo(name="udp")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    value = udp_config(udp, port=port)
    value["listeners"] = [{"name": "http-0", "address": "127.0.0.1", "port": port}]
    value["clusters"].append(cluster("tcp", tcp))
    value["routes"] = [route("all", "tcp")]
    daemon = start_udp(start, tmp_path, value)
    with DatagramClient(f"127.0.0.1:{port}") as client:
        assert client.ask(b"?") == b"udp?"
    assert daemon.ask("a.test").status == 200


class Counting:
    """A client that numbers its datagrams and waits for the echo of each, until told to end."""

    def __init__(self, address):
        self.client = DatagramClient(address)
        self.answers = set()
        self.lost = []
        self.num = 0
        self.should_end = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.should_end.is_set():
            data = b"%d" % self.num
            answer = self.client.ask(data)
            if answer is None or not answer.endswith(b":" + data):
                self.lost.append((data, answer))
                return
            self.answers.add(answer.partition(b":")[0])
            self.num += 1

    def end(self):
        self.should_end.set()
        self.thread.join(2 * PATIENCE_S)
        self.client.close()


def test_changes_of_the_file_lose_no_datagram_of_a_session(start, tmp_path, make_echo):
    old, new = make_echo(name="old:"), make_echo(name="new:")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    value = udp_config(old, port=port)
    daemon = start_udp(start, tmp_path, value, "--workers", "2")
    address = daemon.address("udp-0")
    counting = [Counting(address) for _ in range(8)]
    eventually(lambda: all(c.num > 0 for c in counting), "all to be answered")
    generation = daemon.page("/generation")["published"]
    later = []
    for round_number in range(20):
        # The backend is another one, then the listener has other settings, and others come and go.
        value["clusters"] = [cluster("echo", new), cluster("more", old)]
        value["udp_listeners"][0]["idle_timeout_ms"] = 30_000 + round_number
        more = {"name": "udp-1", "address": "127.0.0.1", "backends": [{"cluster": "more"}]}
        write_config(tmp_path / "config",
                     {**value, "udp_listeners": value["udp_listeners"] + [more] * (round_number % 2)})
        generation += 1
        daemon.wait_adopted(generation)
        seen = [c.num for c in counting]
        eventually(lambda: all(c.lost or c.num > n for c, n in zip(counting, seen)), "each to be answered again")
        later.append(DatagramClient(address))  # kept: a port that is given anew would find an old session
        assert later[-1].ask(b"x") == b"new:x"
    for client in later:
        client.close()
    for client in counting:
        client.end()
    assert [c.lost for c in counting] == [[]] * 8
    assert all(c.answers == {b"old"} for c in counting)
    assert daemon.metric("proxyd_udp_sessions_total") == 8 + 20


def test_stopping_lets_sessions_go_on_for_the_time_of_tunnels(start, tmp_path, make_echo):
    daemon = start_udp(start, tmp_path, udp_config(make_echo()), "--workers", "2", drain="1h")
    address = daemon.address("udp-0")
    with DatagramClient(address) as client:
        assert client.ask(b"x") == b"x"
        daemon.signal(signal.SIGTERM)

        def is_draining():
            with DatagramClient(address) as late:  # a new one each time: the signal may not be there yet
                late.send(b"x")
            return daemon.metric('proxyd_udp_datagrams_dropped_total{why="draining"}')

        eventually(is_draining, "the drain")
        assert client.ask(b"y") == b"y"
        daemon.signal(signal.SIGTERM)  # the second one: at once
        assert daemon.wait_exit() == 0
        assert daemon.wait_log(why="drain", client_port=client.port)["datagrams_in"] == 2


def test_what_cannot_be_is_told(start, tmp_path, make_echo):
    taken = make_echo()
    value = udp_config(taken)
    daemon = start_udp(start, tmp_path, value)
    value["udp_listeners"].append({"name": "taken", "address": "127.0.0.1", "port": taken.port})
    write_config(tmp_path / "config", value)
    problem = eventually(lambda: next((p for p in daemon.problems() if "taken" in p["field"]), None), "the problem")
    assert problem["field"] == "udp_listeners.taken.address"
    assert problem["why"] == f"address in use: 127.0.0.1:{taken.port}"
    with DatagramClient(daemon.address("udp-0")) as client:
        assert client.ask(b"x") == b"x"
