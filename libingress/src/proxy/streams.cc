#include "proxy/streams.h"

#include <string>
#include <utility>

#include "net/proxied_transport.h"

namespace ingress::proxy {
namespace {

// RFC 8446 6.2, in a record of TLS 1.0, which every client reads: fatal, unrecognized_name.
constexpr std::string_view kUnrecognizedName("\x15\x03\x01\x00\x02\x02\x70", 7);

// A transport for what stands on `hello.stream`, which will be told what has been read of it.
net::ProxiedTransport* replayed(net::EventLoop& loop, net::TransportPtr stream) {
  const net::ProxyAddresses addresses{stream->peer(), stream->local()};
  return new net::ProxiedTransport(loop, std::move(stream), addresses);
}

// Dropped or not, the transport is there until the turn of the loop ends.
void deliver(net::ProxiedTransport& transport, base::Chain read) {
  while (!read.is_empty()) transport.deliver(read.take_front());
}

}  // namespace

Streams::Streams(Services& services, TlsAcceptor& tls, StreamsOwner& owner)
    : services_(services),
      tls_(tls),
      owner_(owner),
      hellos_(services.loop, services.metrics.streams, *this) {}

void Streams::add(ListenerState& listener, net::TransportPtr stream) {
  if (const CompiledStreamRoute* route = listener.streams->unread()) {
    return begin(listener, *route, {.stream = std::move(stream)});
  }
  auto place = tls_.enter(listener, stream->peer());
  if (!place) return services_.metrics.streams.refuse(StreamRefusal::kHandshakes);
  services_.metrics.connections_open.add();
  ++listener.num_connections;
  hellos_.add(listener, std::move(stream), std::move(*place));
}

void Streams::on_hello(ListenerState& listener, Hello hello) {
  // Not for HTTPS to judge: it could make more of it, and pass by the routes.
  if (!hello.is_tls) return turn_away(std::move(hello));
  // The listener's routes may have gone meanwhile.
  const CompiledStreamRoute* const route =
      listener.streams ? listener.streams->find(hello.server_name) : nullptr;
  if (route == nullptr) return pass_to_https(listener, std::move(hello));
  if (route->value.tls == StreamTls::kTerminate) return terminate(listener, *route, std::move(hello));
  begin(listener, *route,
        {.stream = std::move(hello.stream),
         .read = std::move(hello.read),
         .is_started = true,
         .server_name = std::move(hello.server_name),
         .protocol = "tls"});
}

void Streams::pass_to_https(ListenerState& listener, Hello hello) {
  if (!listener.tls) return turn_away(std::move(hello));
  net::ProxiedTransport* const transport = replayed(services_.loop, std::move(hello.stream));
  owner_.serve_https(listener, net::TransportPtr(transport), hello.time_left);
  deliver(*transport, std::move(hello.read));
}

void Streams::turn_away(Hello hello) {
  services_.metrics.streams.refuse(hello.is_tls ? StreamRefusal::kUnrecognizedName : StreamRefusal::kNotTls);
  if (!hello.is_tls) return;
  base::Chain alert;
  alert.append_copy(kUnrecognizedName, services_.loop.buffers());
  hello.stream->write(std::move(alert));
}

void Streams::terminate(ListenerState& listener, const CompiledStreamRoute& route, Hello hello) {
  net::ProxiedTransport* const transport = replayed(services_.loop, std::move(hello.stream));
  net::TransportPtr secured =
      tls_.accept(listener, net::TransportPtr(transport), hello.time_left, tls::Protocols::kNone);
  if (!secured) return services_.metrics.streams.refuse(StreamRefusal::kHandshakes);
  begin(listener, route,
        {.stream = std::move(secured), .server_name = std::move(hello.server_name), .protocol = "tls"});
  deliver(*transport, std::move(hello.read));
}

void Streams::begin(ListenerState& listener, const CompiledStreamRoute& route,
                    StreamConnection::Client client) {
  services_.metrics.connections_open.add();
  ++listener.num_connections;
  connections_.push_back(std::make_unique<StreamConnection>(
      services_, static_cast<StreamHost&>(*this), listener, listener.streams, route, std::move(client)));
  StreamConnection& connection = *connections_.back();
  connection.list_index = connections_.size() - 1;
  connection.start();
  if (is_drained_) connection.drain();
}

// From the end: one that closes at once is replaced by one that was seen already.
void Streams::drain() {
  is_drained_ = true;
  for (std::size_t i = connections_.size(); i > 0; --i) connections_[i - 1]->drain();
}

void Streams::on_hello_settled(ListenerState& listener) {
  services_.metrics.connections_open.subtract();
  --listener.num_connections;
  owner_.on_streams_settled();
}

void Streams::on_stream_over(StreamConnection& connection) {
  services_.metrics.connections_open.subtract();
  --connection.listener().num_connections;
  std::unique_ptr<StreamConnection> gone =
      std::exchange(connections_[connection.list_index], std::move(connections_.back()));
  connections_.pop_back();
  if (gone->list_index < connections_.size()) connections_[gone->list_index]->list_index = gone->list_index;
  // Its own functions are on the stack.
  services_.loop.defer([this, gone = std::move(gone)]() mutable {
    gone.reset();
    owner_.on_streams_settled();
  });
}

}  // namespace ingress::proxy
