#include "proxy/udp_relay.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ingress::proxy {

UdpRelay::UdpRelay(UdpServices& services, const UdpListenerEntry& entry, int fd,
                   std::function<void()> on_quiet)
    : services_(services), on_quiet_(std::move(on_quiet)) {
  update(entry);
  if (fd < 0) return;
  if (!services_.batch) services_.batch = std::make_unique<net::DatagramBatch>();
  auto socket = net::DatagramSocket::adopt(
      services_.loop, fd, [](void* self) { static_cast<UdpRelay*>(self)->on_readable(); }, this);
  if (socket) {
    socket_ = std::move(*socket);
  } else if (services_.log) {
    services_.log("UDP listener " + entry.listener.name + ": " + socket.error().text());
  }
}

void UdpRelay::update(const UdpListenerEntry& entry) {
  const UdpListener before = std::exchange(entry_, entry).listener;
  const UdpListener& now = entry_.listener;
  if (before.backends != now.backends) {
    split_.reset();
    const bool has_weight =
        std::ranges::any_of(now.backends, [](const BackendRef& backend) { return backend.weight > 0; });
    if (has_weight) split_.emplace(now.backends, services_.clusters.random());
  }
  if (before.idle_timeout != now.idle_timeout)
    table_.for_each([&](UdpSession& session) { session.set_idle_limit(now.idle_timeout); });
}

void UdpRelay::close(std::string_view why) {
  while (UdpSession* session = table_.any()) end(*session, why);
  socket_.reset();
}

void UdpRelay::end(UdpSession& session, std::string_view why, std::string_view detail) {
  session.finish(entry_.listener.name, why, detail);
  // Its own functions may be on the stack.
  services_.loop.defer([gone = table_.take(session.path())] {});
  if (table_.size() == 0 && on_quiet_) services_.loop.defer([call = on_quiet_] { call(); });
}

void UdpRelay::on_readable() {
  for (int i = 0; i < UdpSession::kMaxBatches; ++i) {
    const int num = services_.batch->receive(socket_->fd());
    if (num > 0) pass_on(static_cast<std::size_t>(num));
    if (num < static_cast<int>(net::DatagramBatch::kMax)) return;
  }
}

// What follows each other for the same session is sent at once.
void UdpRelay::pass_on(std::size_t num) {
  UdpSession* run = nullptr;
  std::size_t first = 0;
  for (std::size_t i = 0; i < num; ++i) {
    UdpSession* const session = session_for(services_.batch->path(i));
    if (session == run) continue;
    if (run != nullptr) run->send(first, i - first);
    run = session;
    first = i;
  }
  if (run != nullptr) run->send(first, num - first);
}

UdpSession* UdpRelay::session_for(const net::DatagramPath& path) {
  UdpSession* const session = table_.find(path);
  return session != nullptr ? session : begin_session(path);
}

// Null when the datagram is dropped, and counted.
UdpSession* UdpRelay::begin_session(const net::DatagramPath& path) {
  if (!may_begin_) return drop(UdpDrop::kDraining);
  const UdpListener& settings = entry_.listener;
  const auto refusal = table_.refusal(path, settings.max_sessions, settings.max_sessions_per_source);
  if (refusal) return drop(*refusal);
  if (services_.counters.sessions_open.get() >= services_.max_sessions) return drop(UdpDrop::kNoDescriptors);
  if (!split_) return drop(UdpDrop::kNoBackend);
  const std::size_t chosen = split_->next();
  if (settings.backends[chosen].failure) return drop(UdpDrop::kNoBackend);
  const Snapshot& snapshot = services_.views.newest()->snapshot();
  const upstream::ClusterEntry* cluster = snapshot.clusters->find(entry_.clusters[chosen]->index);
  if (cluster == nullptr) return drop(UdpDrop::kNoEndpoints);
  const net::PeerAddress client = path.peer();
  upstream::EndpointRef endpoint = services_.clusters.pick(*cluster, {.client_address = client.view()});
  if (!endpoint) return drop(UdpDrop::kNoEndpoints);
  UdpSession& session = table_.add(
      path, std::make_unique<UdpSession>(*this, services_, path, std::move(endpoint), cluster->cluster.name));
  const auto failure = session.start(settings.idle_timeout);
  return failure ? drop(*failure) : &session;
}

}  // namespace ingress::proxy
