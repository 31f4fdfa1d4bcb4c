#include "proxy/udp_session.h"

#include <sys/socket.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "base/address_class.h"
#include "net/socket_address.h"
#include "proxy/udp_relay.h"
#include "upstream/connector.h"

namespace ingress::proxy {

namespace {

std::int64_t unix_us() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

UdpSession::UdpSession(UdpRelay& relay, UdpServices& services, const net::DatagramPath& path,
                       upstream::EndpointRef endpoint, std::string cluster)
    : relay_(relay),
      services_(services),
      path_(path),
      endpoint_(std::move(endpoint)),
      cluster_(std::move(cluster)),
      idle_(
          services.loop.timers(),
          [](void* self) {
            auto* const session = static_cast<UdpSession*>(self);
            session->relay_.end(*session, "idle_timeout");
          },
          this),
      started_us_(net::EventLoop::clock_us()) {
  endpoint_->begin_exchange();
  services_.counters.sessions.add();
  services_.counters.sessions_open.add();
}

std::optional<UdpDrop> UdpSession::start(std::chrono::milliseconds idle_limit) {
  idle_.start(idle_limit);
  const std::string& address = endpoint_->key.address;
  if (base::classify_address(address)) {
    connect({address});
    return failure_;
  }
  self_ = std::make_shared<UdpSession*>(this);
  services_.resolver.resolve(address, [weak = std::weak_ptr(self_)](auto addresses) {
    if (const auto self = weak.lock()) (*self)->on_resolved(std::move(addresses));
  });
  return failure_;
}

void UdpSession::on_resolved(std::expected<std::vector<std::string>, Error> addresses) {
  self_.reset();
  if (!addresses) return fail(UdpDrop::kResolveFailed, addresses.error());
  connect(std::move(*addresses));
}

// The first address that there is a way to: that nobody listens there shows only when datagrams are sent.
void UdpSession::connect(std::vector<std::string> addresses) {
  Error last{.code = ErrorCode::kConnectFailed, .what = "failed", .detail = {}};
  if (auto refusal = upstream::remove_refused(addresses, services_.local_backends))
    last = std::move(*refusal);
  if (addresses.empty()) return fail(UdpDrop::kAddressRefused, last);
  for (auto address = addresses.begin(); address != addresses.end(); ++address) {
    const auto fd = net::connect_datagrams(*address, endpoint_->key.port);
    if (!fd) {
      last = fd.error();
      continue;
    }
    auto socket = net::DatagramSocket::adopt(
        services_.loop, *fd, [](void* self) { static_cast<UdpSession*>(self)->on_readable(); }, this);
    if (!socket) {
      last = {.code = ErrorCode::kConnectFailed, .what = "no_socket", .detail = {}};
      continue;
    }
    socket_ = std::move(*socket);
    others_.assign(address + 1, addresses.end());
    return send_held();
  }
  fail(UdpDrop::kConnectFailed, last);
}

void UdpSession::fail(UdpDrop drop, const Error& error) {
  drop_held(drop);
  failure_ = drop;
  relay_.end(*this, to_string(error.code), error.what);
}

void UdpSession::send(std::size_t first, std::size_t count) {
  idle_.touch();
  if (!socket_) return hold(first, count);
  const net::DatagramsSent sent = services_.batch->send(socket_->fd(), first, count);
  count_client(sent);
  if (sent.is_refused) on_refused(net::connect_error(-ECONNREFUSED));
}

// The backend's machine says that nobody listens there. Of a host name it may be another address that serves;
// else the session is over, so that what comes next may go to another endpoint.
void UdpSession::on_refused(const Error& error) {
  if (backend_datagrams_ == 0 && !others_.empty()) return connect(std::exchange(others_, {}));
  relay_.end(*this, to_string(error.code), error.what);
}

void UdpSession::hold(std::size_t first, std::size_t count) {
  for (std::size_t i = first; i < first + count; ++i) {
    const std::string_view bytes = services_.batch->bytes(i);
    if (held_.size() >= kMaxHeldDatagrams || services_.held_bytes + bytes.size() > kMaxHeldBytes) {
      services_.counters.drop(UdpDrop::kResolving);
      continue;
    }
    services_.held_bytes += bytes.size();
    held_.emplace_back(bytes);
  }
}

void UdpSession::send_held() {
  for (const std::string& bytes : std::exchange(held_, {})) {
    services_.held_bytes -= bytes.size();
    count_client(net::send_datagram(socket_->fd(), bytes));
  }
}

void UdpSession::drop_held(UdpDrop drop) {
  for (const std::string& bytes : std::exchange(held_, {})) {
    services_.held_bytes -= bytes.size();
    services_.counters.drop(drop);
  }
}

void UdpSession::on_readable() {
  net::DatagramBatch& batch = *services_.batch;
  for (int i = 0; i < kMaxBatches; ++i) {
    const int num = batch.receive(socket_->fd());
    if (num < 0 && errno == ECONNREFUSED) return on_refused(net::connect_error(-errno));
    if (num < 0) continue;  // an ICMP error of another kind, as of what was too long, has been read with it
    if (num == 0) return;
    idle_.touch();
    count_backend(batch.reply(relay_.fd(), 0, static_cast<std::size_t>(num), path_));
    if (num < static_cast<int>(net::DatagramBatch::kMax)) return;
  }
}

void UdpSession::count_client(const net::DatagramsSent& sent) {
  client_datagrams_ += sent.num;
  client_bytes_ += sent.num_bytes;
  UdpCounters& counters = services_.counters;
  counters.client_datagrams.add(sent.num);
  counters.client_bytes.add(sent.num_bytes);
  counters.drop(UdpDrop::kNoRoom, sent.num_blocked);
  counters.drop(UdpDrop::kSendFailed, sent.num_failed);
}

void UdpSession::count_backend(const net::DatagramsSent& sent) {
  backend_datagrams_ += sent.num;
  backend_bytes_ += sent.num_bytes;
  UdpCounters& counters = services_.counters;
  counters.backend_datagrams.add(sent.num);
  counters.backend_bytes.add(sent.num_bytes);
  counters.drop(UdpDrop::kNoRoom, sent.num_blocked);
  counters.drop(UdpDrop::kSendFailed, sent.num_failed);
}

void UdpSession::finish(std::string_view listener, std::string_view why, std::string_view detail) {
  idle_.stop();
  self_.reset();
  drop_held(UdpDrop::kResolving);
  services_.counters.sessions_open.subtract();
  if (services_.access_log != nullptr) write_log(listener, why, detail);
  socket_.reset();
  endpoint_->end_exchange();
}

void UdpSession::write_log(std::string_view listener, std::string_view why, std::string_view detail) const {
  const net::PeerAddress client = path_.peer();
  const std::chrono::microseconds duration(net::EventLoop::clock_us() - started_us_);
  services_.access_log->write_stream(services_.worker_index,
                                     {.started_unix_us = unix_us() - duration.count(),
                                      .client_address = client.view(),
                                      .listener = listener,
                                      .client_port = client.port,
                                      .protocol = "udp",
                                      .client_bytes = client_bytes_,
                                      .backend_bytes = backend_bytes_,
                                      .client_datagrams = client_datagrams_,
                                      .backend_datagrams = backend_datagrams_,
                                      .duration = duration,
                                      .upstream_address = socket_ ? std::string_view(endpoint_->label) : "",
                                      .cluster = cluster_,
                                      .why = why,
                                      .why_detail = detail});
}

}  // namespace ingress::proxy
