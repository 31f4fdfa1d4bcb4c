"""Runs one row, and asserts that what came is one of the answers that it allows."""

from harness.messages import read_message
from harness.runner import check_record
from rows.row import Answered, ConnectionError, Ignored, StreamError
from wire import frames
from wire.client import ConnectionOver, code_name

LAST = b"GET /last HTTP/1.1"


def run_row(row, client):
    if row.opening is None:
        client.open(*row.settings)
    else:
        client.send(row.opening)
    client.grants = False
    for step in row.steps:
        if isinstance(step, bytes):
            client.send(step)
        else:
            step(client)
    check_answer(row, client)


def check_answer(row, client):
    """Reads until the row is decided: by what came, or by the answer to a PING that everything else goes before."""
    waits = any(isinstance(allowed, Answered) for allowed in row.allowed)
    if not waits:
        sync_if_open(client)
    while not is_decided(row.allowed, client):
        if not client.read():
            break
    found = next((allowed for allowed in row.allowed if holds(allowed, client)), None)
    assert found, f"{describe(client)}, where {row.allowed} is due; {client.story()}"
    if isinstance(found, ConnectionError):
        client.wait_over()
    elif not getattr(found, "is_last", False):
        check_goes_on(client, found)


def sync_if_open(client):
    try:
        client.sync()
    except ConnectionOver:
        pass


def is_decided(allowed, client):
    waits = [one for one in allowed if isinstance(one, Answered)]
    is_going = client.goaway is not None and not any(one.is_last for one in waits)
    if client.is_over or is_going or client.stream(client.watched).reset is not None:
        return True
    return not waits or client.stream(client.watched).is_ended or any(holds(one, client) for one in waits)


def holds(allowed, client):
    stream = client.stream(client.watched)
    match allowed:
        case ConnectionError(codes, needs_goaway):
            if client.goaway is None:
                return not needs_goaway and client.is_over
            return client.goaway[1] in codes
        case StreamError(codes):
            return stream.reset in codes and client.goaway is None and not client.is_over
        case Answered(statuses, body, None):
            return (stream.is_ended and stream.reset in (None, frames.Code.NO_ERROR) and stream.status in statuses
                    and body in (None, bytes(stream.body)))
        case Answered(statuses, _, size):
            return stream.reset is None and stream.status in statuses and len(stream.body) == size
        case Ignored():
            return stream.reset is None and client.goaway is None and not client.is_over
    raise AssertionError(allowed)


def check_goes_on(client, found):
    """The connection serves the next request; and what was counted has not grown meanwhile."""
    stream = client.stream(client.watched)
    client.sync()
    if isinstance(found, Answered) and found.num_body_bytes is not None:
        assert len(stream.body) == found.num_body_bytes, "more than its window allows"
    client.send(frames.settings((frames.Setting.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)))
    client.grants = True
    last = client.ask()
    assert last.status == 200 and last.is_ended, f"the next request: {last}; {client.story()}"


def describe(client):
    stream = client.stream(client.watched)
    if client.goaway:
        return f"GOAWAY with {code_name(client.goaway[1])}"
    if client.is_over:
        return "closed without a word"
    if stream.reset is not None:
        return f"RST_STREAM with {code_name(stream.reset)}"
    if stream.is_ended:
        return f"answered with {stream.status} and {bytes(stream.body)}"
    return f"nothing, or less than due: {stream}"


def check_backend(recorder, row, to_backend):
    """The backend has on record exactly what the row says."""
    streams = [stream for stream in recorder.settle() if stream.received]
    drop(streams, LAST)
    if row.maybe and not row.backend:
        drop(streams, to_backend(row.maybe))
    check_record(recorder, streams, [to_backend(message) for message in row.backend], to_backend(row.begun))


def drop(streams, message):
    """Of what came, whole messages that are `message`, or have it as their first line."""
    for stream in streams:
        at = 0
        while (found := read_message(stream.received[at:])) is not None:
            if found.is_whole and message in (found.start_line, found.text()):
                del stream.received[at:at + found.num_bytes]
            else:
                at += found.num_bytes
