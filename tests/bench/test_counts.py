"""Reading of what callgrind, strace and the load generator print: a mistake there would be a wrong figure."""

import pytest

import counted
import counters
import h2load
import load
from processes import BenchError

STRACE = """% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 40.00    0.000400           4       100           sendto
 30.00    0.000300           3       103         3 recvfrom
 30.00    0.000300          30        10           epoll_wait
  0.00    0.000000           0         1         1 access
------ ----------- ----------- --------- --------- ----------------
100.00    0.001000           4       214         4 total
"""

LOAD = ('{"requests": 4000, "seconds": 0.5, "watched_cpu_ns": 80000000, "errors": 0, "cut": 0, '
        '"p50_us": 10.0, "p99_us": 20.0, "p999_us": 30.0, "max_us": 31.0}')


H2LOAD = """finished in 512.10ms, 7810.97 req/s, 9.04MB/s
requests: 4001 total, 4001 started, 4001 done, 4000 succeeded, 1 failed, 0 errored, 0 timeout
status codes: 4000 2xx, 0 3xx, 1 4xx, 0 5xx
"""


def test_h2load_is_read_as_the_own_load_is():
    log = "".join(f"100\t200\t{us}\n" for us in range(1, 101))
    counts = h2load.parse(H2LOAD, log)
    assert (counts["requests"], counts["errors"], counts["seconds"]) == (4000, 2, 0.5121)
    assert (counts["p50_us"], counts["p99_us"], counts["p999_us"]) == (51.0, 100.0, 100.0)
    with pytest.raises(BenchError):
        h2load.parse("starting benchmark...", "")


def test_calls_are_counted_with_and_without_errors_but_not_their_total():
    assert counted.parse_strace(STRACE) == {"sendto": 100, "recvfrom": 103, "epoll_wait": 10, "access": 1}


def test_a_table_without_calls_is_an_error():
    with pytest.raises(BenchError):
        counted.parse_strace("strace: attach: Operation not permitted\n")


def test_waiting_is_no_data_call():
    assert counted.sum_calls({"sendto": 2.0, "recvfrom": 2.0, "epoll_wait": 0.5}) == {"data": 4.0, "all": 4.5}


def test_instructions_are_read():
    assert counted.parse_callgrind("events: Ir\nsummary: 123456\n\nob=(1) proxyd\n") == 123456


def test_of_several_processes_the_one_that_served_counts(tmp_path):
    for pid, count in (("7", 30), ("8", 4000), ("9", 500)):
        (tmp_path / pid).write_text(f"events: Ir\nfn=(1)\ntotals: {count}\n")
    assert counted.busiest(tmp_path) == (4000, tmp_path / "8")


def test_no_instructions_are_an_error():
    with pytest.raises(BenchError):
        counted.parse_callgrind("events: Ir\n")


def test_cpu_time_is_per_request():
    sample = load.parse(LOAD)
    assert (sample.requests, sample.cpu_us, sample.p99_us) == (4000, 20.0, 20.0)


def test_perf_counts_user_and_kernel():
    text = "# started on Thu\n\n263000,,instructions:u,1000,100.00,,\n290000,,instructions:k,1000,100.00,,\n"
    assert counters.parse(text) == {"instructions:u": 263000, "instructions:k": 290000}


@pytest.mark.parametrize("text", ["<not supported>,,instructions:u,0,100.00,,\n1,,instructions:k,0,100.00,,\n",
                                  "263000,,instructions:u,1000,100.00,,\n", ""])
def test_a_machine_without_counters_has_none(text):
    assert counters.parse(text) is None
