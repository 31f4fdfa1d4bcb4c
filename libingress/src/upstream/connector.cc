#include "upstream/connector.h"

#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "net/tcp.h"

namespace ingress::upstream {

namespace {

Error dns_error(const char* what) {
  return {ErrorCode::kConnectFailed, ErrorSide::kUpstream, RetrySafety::kSafe, what, {}};
}

class AddressAttempt final : public Connector::Attempt {
 public:
  AddressAttempt(net::EventLoop& loop, const Endpoint& endpoint, std::chrono::milliseconds timeout,
                 Connector::OnConnected on_connected)
      : attempt_(net::connect(loop, endpoint.address, endpoint.port, timeout, std::move(on_connected))) {}

 private:
  std::unique_ptr<net::ConnectAttempt> attempt_;
};

// For host names where there is no resolver.
class FailedAttempt final : public Connector::Attempt {
 public:
  FailedAttempt(net::EventLoop& loop, Connector::OnConnected on_connected)
      : on_connected_(std::make_shared<Connector::OnConnected>(std::move(on_connected))) {
    loop.defer([weak = std::weak_ptr(on_connected_)] {
      const auto call = weak.lock();
      if (call) (*call)(std::unexpected(dns_error("no_resolver")));
    });
  }

 private:
  std::shared_ptr<Connector::OnConnected> on_connected_;
};

// Everything a callback needs lives behind `shared_`, so that an answer of the resolver that comes after
// the attempt was abandoned finds nobody and does nothing.
class NameAttempt final : public Connector::Attempt {
 public:
  NameAttempt(net::EventLoop& loop, net::Resolver& resolver, const Endpoint& endpoint,
              std::chrono::milliseconds timeout, Connector::OnConnected on_connected)
      : shared_(std::make_shared<Shared>(loop, endpoint.port, std::move(on_connected))) {
    shared_->deadline.set(loop.timers(), timeout);
    shared_->remaining = timeout;
    // Deferred: a cached answer calls back at once, and open() promises not to.
    loop.defer([weak = std::weak_ptr(shared_), &resolver, host = endpoint.address] {
      if (weak.expired()) return;
      resolver.resolve(host, [weak](std::expected<std::vector<std::string>, Error> addresses) {
        const std::shared_ptr<Shared> shared = weak.lock();
        if (!shared) return;
        if (!addresses) return shared->finish(std::unexpected(std::move(addresses.error())));
        shared->addresses = std::move(*addresses);
        shared->try_next(shared);
      });
    });
  }

 private:
  struct Shared {
    Shared(net::EventLoop& loop_in, std::uint16_t port_in, Connector::OnConnected on_connected_in)
        : loop(loop_in),
          port(port_in),
          on_connected(std::move(on_connected_in)),
          deadline(
              [](void* self) { static_cast<Shared*>(self)->finish(std::unexpected(dns_error("timeout"))); },
              this) {}

    void try_next(const std::shared_ptr<Shared>& self) {
      if (next == addresses.size()) return finish(std::unexpected(std::move(last_error)));
      attempt = net::connect(loop, addresses[next++], port, remaining,
                             [weak = std::weak_ptr(self)](std::expected<net::TransportPtr, Error> transport) {
                               const std::shared_ptr<Shared> shared = weak.lock();
                               if (!shared) return;
                               if (transport) return shared->finish(std::move(transport));
                               shared->last_error = std::move(transport.error());
                               shared->try_next(shared);
                             });
    }

    void finish(std::expected<net::TransportPtr, Error> result) {
      deadline.cancel();
      if (!on_connected) return;
      std::exchange(on_connected, nullptr)(std::move(result));
    }

    net::EventLoop& loop;
    std::uint16_t port;
    Connector::OnConnected on_connected;
    net::Timer deadline;
    std::chrono::milliseconds remaining{0};
    std::vector<std::string> addresses;
    std::size_t next = 0;
    Error last_error = dns_error("dns");
    std::unique_ptr<net::ConnectAttempt> attempt;
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace

std::unique_ptr<Connector::Attempt> Connector::open(const Endpoint& endpoint,
                                                    std::chrono::milliseconds timeout,
                                                    OnConnected on_connected) {
  if (base::is_ip_address(endpoint.address)) {
    return std::make_unique<AddressAttempt>(loop_, endpoint, timeout, std::move(on_connected));
  }
  if (resolver_ != nullptr) {
    return std::make_unique<NameAttempt>(loop_, *resolver_, endpoint, timeout, std::move(on_connected));
  }
  return std::make_unique<FailedAttempt>(loop_, std::move(on_connected));
}

}  // namespace ingress::upstream
