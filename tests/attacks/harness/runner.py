"""Runs one row and asserts all that it says: what the client got, what the backend got, and nothing else."""

import itertools

from support.http_client import ConnectionEnded
from table.case import HIDDEN, Answer, Script
from table.wire import get, got

from .messages import read_message
from .transport import drip, send

NUMBERS = itertools.count()
LAST = got(b"/last")


def run_request_case(case, pace, transport, recorder, good=()):
    """`good`: (bytes, message, answer) of requests in front of it on the same connection."""
    recorder.begin(case.script, bytewise=pace == "bytewise")
    with transport.open() as link:
        # Behind what is refused, and behind the last request of a connection, stands one more.
        hidden = b"" if case.stays_open or case.ends or case.late is not None else HIDDEN
        send(pace, link, b"".join(data for data, _, _ in good) + case.sends + hidden)
        if case.ends:
            link.end()
        for answer in (*[answer for _, _, answer in good], *case.answers):
            check_answer(link, answer)
            if answer.status == 100:
                send(pace, link, case.continued)
        if case.late is not None:
            send(pace, link, case.late)
        check_end(link, case.stays_open)
    streams = ask_as_victim(transport, recorder)
    expected = [message for _, message, _ in good] + [*case.backend] + [LAST] * case.stays_open
    check_record(recorder, streams, [*map(transport.to_backend, expected)], transport.to_backend(case.begun))


def run_backend_case(case, pace, transport, recorder):
    recorder.begin(case.script, bytewise=pace == "bytewise")
    with transport.open() as link:
        link.send(f"{case.method} /attack HTTP/1.1\r\nHost: a.test\r\n\r\n".encode())
        response = link.read_response(case.method)
        recorder.settle()
        if case.is_cut and response.status != 502:
            assert (response.status, response.is_whole) == (case.status, False)
            assert case.body.startswith(response.body)
            check_end(link, stays_open=False, is_cut=True)
        else:
            assert (response.status, response.is_whole) == (502 if case.is_cut else case.status, True)
            assert case.is_cut or case.body in (None, response.body)
            assert case.fields is None or tuple(response.headers) == case.fields
            check_end(link, not case.is_closed)
    attacked = [stream for stream in ask_as_victim(transport, recorder) if b" /attack " in stream.received]
    assert len(attacked) == 1 or (case.is_retried and len(attacked) == 2)
    for stream in attacked:
        if case.is_reused:
            assert not stream.is_ended and b"GET /last " in stream.received
        else:
            recorder.wait(lambda _, of=stream: of.is_ended, "a connection out of step is closed")
            check_record(recorder, [stream], [transport.to_backend(got_attack(case.method))], b"")


def run_slow_case(case, transport, recorder):
    recorder.begin(Script())
    with transport.open() as link:
        link.send(case.sends)
        left_over = drip(link, case.drips)
        if case.answer is not None:
            check_answer(link, case.answer)
        check_end(link, stays_open=False)
    assert not case.drips or left_over, "all of it was waited for"
    check_record(recorder, ask_as_victim(transport, recorder), [], transport.to_backend(case.begun))


def got_attack(method):
    return got(b"/attack").replace(b"GET", method.encode(), 1)


def check_answer(link, answer):
    try:
        response = link.read_response(answer.method, skip_interim=False)
    except ConnectionEnded as end:
        raise AssertionError(f"closed where {answer.status} was due; unread: {end}") from None
    assert response.status == answer.status, response
    if answer.status >= 200:
        assert response.is_whole
        assert answer.body in (None, response.body)


def check_end(link, stays_open, is_cut=False):
    """Nothing comes unasked; the next request is served, or the connection closed. `is_cut`: within an answer."""
    if stays_open:
        link.send(get(b"/last"))
        check_answer(link, Answer(200, b"GET /last HTTP/1.1"))
    else:
        assert link.is_closed_by_peer(), "another answer came"
        assert link.is_end_told_apart(is_cut)


def ask_as_victim(transport, recorder):
    """Another client gets its own answer. Returns what the backend has on record, without the victim's request."""
    target = f"/victim-{next(NUMBERS)}".encode()
    recorder.settle()
    with transport.open() as link:
        link.send(get(target))
        check_answer(link, Answer(200, b"GET " + target + b" HTTP/1.1"))
    streams = recorder.settle()
    for stream in streams:
        at = stream.received.find(b"GET " + target)
        if at >= 0:
            assert read_message(stream.received[at:]).text() == transport.to_backend(got(target))
            del stream.received[at:]
            return [stream for stream in streams if stream.received]
    raise AssertionError(f"the backend never saw the victim: {recorder.texts()}")


def check_record(recorder, streams, expected, begun):
    """`streams` hold exactly the messages `expected`, and at most the beginning of `begun`, never its end."""
    messages = []
    for stream in streams:
        at = 0
        while at < len(stream.received):
            message = read_message(stream.received[at:])
            assert message is not None, f"half a head: {bytes(stream.received[at:])}"
            at += message.num_bytes
            if message.is_whole:
                messages.append(message.text())
                continue
            assert at == len(stream.received)
            assert is_beginning(message, begun), f"{message.text()} is not the beginning of {begun}"
            recorder.wait(lambda _, of=stream: of.is_ended, "a message that was begun is cut")
    assert messages == expected


def is_beginning(message, whole):
    end = whole.find(b"\r\n\r\n") + 4
    if not whole or message.head != whole[:end]:
        return False
    body = whole[end:]
    if message.is_chunked:
        body = read_message(whole).body
    return body.startswith(message.body)
