"""One short round, so that the bench does not rot. What it measures here is worth nothing."""

import json
import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("INGRESS_BUILD_DIR", ROOT / "build/release"))


def command(*arguments):
    return ["/usr/bin/python3", str(ROOT / "bench/proxy/run.py"), "--build", str(BUILD), "--columns", "time",
            "--peers", "floor,proxyd", "--rows", "1k", *arguments]


def test_a_round_gives_a_table_and_a_file(tmp_path):
    file, tables = tmp_path / "figures.json", tmp_path / "tables.md"
    result = subprocess.run(command("--rounds", "1", "--seconds", "0.2", "--json", str(file),
                                    "--markdown", str(tables)), capture_output=True,
                            text=True, timeout=60, check=False, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert result.returncode == 0, result.stdout + result.stderr
    peers = json.loads(file.read_text())["rows"]["1k"]["peers"]
    assert peers["proxyd"]["cpu_us"]["median"] > 0
    assert peers["floor"]["ratio"]["median"] > 0
    assert "| floor " in result.stdout and "| proxyd " in result.stdout
    assert tables.read_text() == result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures.json", "tables.md"]


def test_rows_with_tls_agree_on_what_they_say(tmp_path):
    file = tmp_path / "figures.json"
    rows = ["https", "handshakes", "resumed", "hybrid"]
    result = subprocess.run(command("--rounds", "1", "--seconds", "0.2", "--rows", ",".join(rows), "--json", str(file)),
                            capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(file.read_text())["rows"]
    groups = {"hybrid": "X25519MLKEM768"}
    for row in rows:
        assert list(found[row]["peers"]) == ["proxyd"], "bare forwarding has no TLS"
        proxyd = found[row]["peers"]["proxyd"]
        assert proxyd["cpu_us"]["median"] > 0
        suffix = " resumed" if row == "resumed" else ""
        assert proxyd["tls"] == f"TLSv1.3 {groups.get(row, 'X25519')} TLS_AES_128_GCM_SHA256{suffix}"


def test_rows_of_http2_and_tls_to_the_backend(tmp_path):
    file = tmp_path / "figures.json"
    rows = ["h2", "grpc", "backend-tls"]
    result = subprocess.run(command("--rounds", "1", "--seconds", "0.2", "--rows", ",".join(rows), "--json", str(file),
                                    "--peers", "floor,proxyd,nginx,haproxy"),
                            capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    found = json.loads(file.read_text())["rows"]
    for row in rows:
        peers = found[row]["peers"]
        assert "floor" not in peers and "proxyd" in peers
        for name, entry in peers.items():
            assert entry["cpu_us"]["median"] > 0 and entry["p99_us"] > 0, (row, name)


def test_what_is_ended_early_leaves_nothing_behind(tmp_path):
    process = subprocess.Popen(command("--rounds", "1", "--seconds", "30"), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)})
    def started():  # each program has a file for its errors
        return list(tmp_path.glob("bench-proxy-*/*-errors"))

    end = time.monotonic() + 20
    while len(started()) < 3 and time.monotonic() < end:
        time.sleep(0.02)
    assert len(started()) == 3
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert not list(tmp_path.iterdir())


def test_a_storm_changes_what_is_served_and_tells_what_it_took():
    process = subprocess.run([str(BUILD / "bench/programs/storm"), "127.0.0.1:0", "127.0.0.1:9", "100"], check=False,
                             input="cost 20\nstorm 100 0.1\nnonsense\n", capture_output=True, text=True, timeout=60)
    assert process.returncode == 2, process.stderr
    start, cost, changes = (json.loads(line) for line in process.stdout.splitlines())
    assert start["routes"] == 100
    assert cost["changes"] == 20 and cost["process_cpu_us"] >= cost["caller_cpu_us"] > 0
    assert changes["changes"] == 10 and changes["adopted_p99_us"] >= changes["accepted_p50_us"] > 0
