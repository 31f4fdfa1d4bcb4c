#include "upstream/give_back.h"

#include <memory>
#include <utility>

namespace ingress::upstream {
namespace {

void give_back_http1(net::EventLoop& loop, const EndpointRef& endpoint, ClientConnPtr conn,
                     const ClusterLimits& limits, const ClusterTimeouts& timeouts) {
  if (!endpoint || endpoint->is_retired || !conn->is_reusable()) return;
  BreakerGate* gate = endpoint->gate;
  if (gate == nullptr || !gate->is_waited_for()) {
    return keep_idle(*endpoint, std::move(conn), limits, timeouts);
  }
  if (!conn->has_permit() || conn->idle_time(limits, timeouts).count() <= 0) return;
  // Of use to its client alone: its room goes to who is next, not to who waits for this endpoint.
  if (!conn->proxy_header().empty()) return;
  std::shared_ptr<WaitingPlace> place = gate->claim(&endpoint->idle);
  if (!place) return;
  conn->end_message();
  loop.defer([&loop, place = std::move(place), endpoint, conn = std::move(conn), limits, timeouts]() mutable {
    if (place->who != nullptr) return place->who->on_connection_granted({}, std::move(conn));
    give_back(loop, endpoint, std::move(conn), limits, timeouts);  // it has left meanwhile
  });
}

}  // namespace

void give_back(net::EventLoop& loop, const EndpointRef& endpoint, ClientStreamPtr stream,
               const ClusterLimits& limits, const ClusterTimeouts& timeouts) {
  if (H1ClientConn* const conn = stream->h1()) {
    static_cast<void>(stream.release());
    return give_back_http1(loop, endpoint, ClientConnPtr(conn), limits, timeouts);
  }
  stream.reset();
  if (!endpoint) return;
  if (endpoint->gate != nullptr && endpoint->gate->is_waited_for())
    share_room(loop, endpoint, limits, timeouts);
  endpoint->h2.keep_idle(limits, timeouts);
  if (endpoint->gate != nullptr && endpoint->gate->is_waited_for()) endpoint->gate->shed();
}

void keep_idle(EndpointState& endpoint, ClientConnPtr conn, const ClusterLimits& limits,
               const ClusterTimeouts& timeouts) {
  BreakerGate* gate = endpoint.gate;
  if (gate == nullptr) return endpoint.idle.put_back(std::move(conn), limits, timeouts);
  if (!conn->has_permit()) return;
  endpoint.idle.put_back(std::move(conn), limits, timeouts);
  // Somebody who came meanwhile may have looked for idle connections before this was one.
  if (gate->is_waited_for()) gate->shed();
}

void share_room(net::EventLoop& loop, const EndpointRef& endpoint, const ClusterLimits& limits,
                const ClusterTimeouts& timeouts) {
  BreakerGate* const gate = endpoint->gate;
  while (gate != nullptr && gate->is_waited_for()) {
    ClientStreamPtr stream = endpoint->h2.take({}, limits, timeouts);
    if (!stream) return;
    std::shared_ptr<WaitingPlace> place = gate->claim(&endpoint->h2);
    if (!place) {
      stream.reset();
      return endpoint->h2.make_room_for_others();
    }
    loop.defer(
        [&loop, place = std::move(place), endpoint, stream = std::move(stream), limits, timeouts]() mutable {
          if (place->who != nullptr) return place->who->on_connection_granted({}, std::move(stream));
          give_back(loop, endpoint, std::move(stream), limits, timeouts);  // it has left meanwhile
        });
  }
}

}  // namespace ingress::upstream
