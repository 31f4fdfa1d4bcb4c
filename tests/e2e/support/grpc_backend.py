"""A real gRPC server (grpcio) whose messages are plain bytes, and what speaks to it."""

import os
import threading
from concurrent import futures

os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # a daemon is started while channels are open

import grpc  # noqa: E402

SERVICE = "test.Peer"
LARGEST = 16 * 1024 * 1024
OPTIONS = [("grpc.max_receive_message_length", LARGEST), ("grpc.max_send_message_length", LARGEST),
           ("grpc.so_reuseport", 0)]
SERVING, NOT_SERVING = 1, 2


class GrpcBackend:
    """Methods of test.Peer, see below; `health` answers grpc.health.v1: a dict of service to status, or None."""

    def __init__(self, credentials=None, health=None):
        self.health = health
        self.calls = []  # (method, metadata)
        self.cancelled = threading.Semaphore(0)
        self.checked = threading.Semaphore(0)  # by health checks
        self.server = grpc.server(futures.ThreadPoolExecutor(16), options=OPTIONS)
        self.server.add_generic_rpc_handlers([self._handlers()])
        self.address = "127.0.0.1"
        target = f"{self.address}:0"
        self.port = (self.server.add_secure_port(target, credentials) if credentials
                     else self.server.add_insecure_port(target))
        self.server.start()

    def close(self):
        self.server.stop(0).wait()

    def metadata_of(self, method):
        """Of the last call of `method`."""
        return next(dict(metadata) for name, metadata in reversed(self.calls) if name == method)

    def _handlers(self):
        methods = {
            "Echo": grpc.unary_unary_rpc_method_handler(self.echo),
            "Count": grpc.unary_stream_rpc_method_handler(self.count),
            "Join": grpc.stream_unary_rpc_method_handler(self.join),
            "Talk": grpc.stream_stream_rpc_method_handler(self.talk),
            "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "FailLate": grpc.unary_stream_rpc_method_handler(self.fail_late),
            "Hang": grpc.unary_unary_rpc_method_handler(self.hang),
            "HangLate": grpc.unary_stream_rpc_method_handler(self.hang_late),
        }
        handlers = {f"/{SERVICE}/{name}": handler for name, handler in methods.items()}
        if self.health is not None:
            handlers["/grpc.health.v1.Health/Check"] = grpc.unary_unary_rpc_method_handler(self.check_health)

        class Handlers(grpc.GenericRpcHandler):
            def service(self, handler_call_details):
                return handlers.get(handler_call_details.method)

        return Handlers()

    def _note(self, method, context):
        self.calls.append((method, context.invocation_metadata()))

    def echo(self, request, context):
        """The message comes back; metadata "my-…" as initial and as trailing metadata."""
        self._note("Echo", context)
        ours = [(name, value) for name, value in context.invocation_metadata() if name.startswith("my-")]
        context.send_initial_metadata([("initial-" + name, value) for name, value in ours])
        context.set_trailing_metadata([("trailing-" + name, value) for name, value in ours])
        return request

    def count(self, request, context):
        """As many messages as asked for, of a digit each."""
        self._note("Count", context)
        for number in range(int(request)):
            yield b"%d" % number

    def join(self, requests, context):
        self._note("Join", context)
        return b",".join(requests)

    def talk(self, requests, context):
        """One answer for each message."""
        self._note("Talk", context)
        for request in requests:
            yield request.upper()

    def fail(self, request, context):
        """Nothing but a status, with details."""
        self._note("Fail", context)
        context.set_trailing_metadata([("grpc-status-details-bin", b"\x08\x05\x00\xff")])
        context.abort(grpc.StatusCode.NOT_FOUND, "not here: 100% ä")

    def fail_late(self, request, context):
        self._note("FailLate", context)
        yield b"first"
        context.abort(grpc.StatusCode.DATA_LOSS, "lost")

    def _watch_end(self, context):
        """An Event that is set when the call is over, which is noted even if nobody waits for it."""
        over = threading.Event()

        def note():
            self.cancelled.release()
            over.set()

        if not context.add_callback(note):
            note()
        return over

    def hang(self, request, context):
        """No answer until the caller has gone, or is out of time."""
        self._note("Hang", context)
        self._watch_end(context).wait()
        return b""

    def hang_late(self, request, context):
        self._note("HangLate", context)
        over = self._watch_end(context)
        yield b"first"
        over.wait()

    def check_health(self, request, context):
        """HealthCheckRequest{1: service} to HealthCheckResponse{1: status}, by hand."""
        self.checked.release()
        service = request[2:].decode() if request else ""
        if service not in self.health:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return b"\x08" + bytes([self.health[service]])


class Peer:
    """A client of test.Peer: peer.Echo(message, …) and so on, with grpcio's own arguments."""

    KINDS = {"Echo": "unary_unary", "Count": "unary_stream", "Join": "stream_unary", "Talk": "stream_stream",
             "Fail": "unary_unary", "FailLate": "unary_stream", "Hang": "unary_unary", "HangLate": "unary_stream",
             "Unknown": "unary_unary"}

    def __init__(self, address, root=None, name=None):
        options = [*OPTIONS, ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        if root is None:
            self.channel = grpc.insecure_channel(address, options)
        else:
            options.append(("grpc.ssl_target_name_override", name))
            self.channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(root), options)
        for method, kind in self.KINDS.items():
            setattr(self, method, getattr(self.channel, kind)(f"/{SERVICE}/{method}"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()


def message(payload):
    """A message with its prefix, as it stands in a body."""
    return b"\0" + len(payload).to_bytes(4, "big") + payload
