#include "upstream/give_back.h"

#include <utility>

namespace ingress::upstream {

void give_back(net::EventLoop& loop, const EndpointRef& endpoint, ClientConnPtr conn, std::size_t max_idle,
               std::chrono::milliseconds idle_timeout) {
  if (!endpoint || endpoint->is_retired || !conn->is_reusable()) return;
  BreakerGate* gate = endpoint->gate;
  if (gate == nullptr) return endpoint->idle.put_back(std::move(conn), max_idle, idle_timeout);
  if (!conn->has_permit()) return;
  if (!gate->is_waited_for()) {
    endpoint->idle.put_back(std::move(conn), max_idle, idle_timeout);
    // Somebody who came meanwhile may have looked for idle connections before this was one.
    if (gate->is_waited_for()) gate->shed();
    return;
  }
  std::shared_ptr<WaitingPlace> place = gate->claim(endpoint.get());
  if (!place) return;
  conn->end_message();
  loop.defer(
      [&loop, place = std::move(place), endpoint, conn = std::move(conn), max_idle, idle_timeout]() mutable {
        if (place->who != nullptr) return place->who->on_connection_granted({}, std::move(conn));
        give_back(loop, endpoint, std::move(conn), max_idle, idle_timeout);  // it has left meanwhile
      });
}

}  // namespace ingress::upstream
