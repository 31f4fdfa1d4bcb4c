#include "upstream/connector.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address_class.h"
#include "net/happy_eyeballs.h"
#include "net/tcp.h"

namespace ingress::upstream {

namespace {

Error upstream_error(ErrorCode code, const char* what) {
  return {code, ErrorSide::kUpstream, RetrySafety::kSafe, what, {}};
}

class AddressAttempt final : public Connector::Attempt {
 public:
  AddressAttempt(net::EventLoop& loop, const Endpoint& endpoint, std::chrono::milliseconds timeout,
                 Connector::OnConnected on_connected)
      : attempt_(net::connect(loop, endpoint.address, endpoint.port, timeout, std::move(on_connected))) {}

 private:
  std::unique_ptr<net::ConnectAttempt> attempt_;
};

// Ends with an error that was known from the start.
class FailedAttempt final : public Connector::Attempt {
 public:
  FailedAttempt(net::EventLoop& loop, Error error, Connector::OnConnected on_connected)
      : on_connected_(std::make_shared<Connector::OnConnected>(std::move(on_connected))) {
    loop.defer([weak = std::weak_ptr(on_connected_), error = std::move(error)]() mutable {
      const auto call = weak.lock();
      if (call) (*call)(std::unexpected(std::move(error)));
    });
  }

 private:
  std::shared_ptr<Connector::OnConnected> on_connected_;
};

// Why `address` may not be connected to; nothing when it may. What is no literal is refused too: an address
// whose class is unknown must not slip through.
std::optional<Error> find_refusal(const std::string& address, LocalBackends local_backends) {
  if (local_backends == LocalBackends::kAllowed) return std::nullopt;
  const auto address_class = base::classify_address(address);
  if (address_class == base::AddressClass::kOrdinary) return std::nullopt;
  return upstream_error(ErrorCode::kAddressRefused,
                        address_class ? base::to_string(*address_class) : "not_an_address");
}

}  // namespace

std::optional<Error> remove_refused(std::vector<std::string>& addresses, LocalBackends local_backends) {
  std::optional<Error> refusal;
  std::erase_if(addresses, [&](const std::string& address) {
    auto why = find_refusal(address, local_backends);
    if (!why) return false;
    refusal = std::move(why);
    return true;
  });
  return refusal;
}

// Everything a callback needs lives behind `shared_`, so that an answer of the resolver that comes after
// the attempt was abandoned finds nobody and does nothing.
class Connector::NameAttempt final : public Connector::Attempt {
 public:
  NameAttempt(Connector& connector, const Endpoint& endpoint, std::chrono::milliseconds timeout,
              OnConnected on_connected)
      : shared_(std::make_shared<Shared>(connector, endpoint.port, timeout, std::move(on_connected))) {
    shared_->deadline.set(connector.loop_.timers(), timeout);
    // Deferred: a cached answer calls back at once, and open() promises not to.
    connector.loop_.defer([weak = std::weak_ptr(shared_), &connector, host = endpoint.address] {
      if (weak.expired()) return;
      connector.resolver_->resolve(host, [weak](std::expected<std::vector<std::string>, Error> addresses) {
        if (const std::shared_ptr<Shared> shared = weak.lock()) shared->on_resolved(std::move(addresses));
      });
    });
  }

 private:
  struct Shared {
    Shared(Connector& connector_in, std::uint16_t port_in, std::chrono::milliseconds timeout_in,
           OnConnected on_connected_in)
        : connector(connector_in),
          port(port_in),
          timeout(timeout_in),
          on_connected(std::move(on_connected_in)),
          deadline([](void* self) { static_cast<Shared*>(self)->on_deadline(); }, this) {}

    void on_resolved(std::expected<std::vector<std::string>, Error> addresses) {
      if (!addresses) return finish(std::unexpected(std::move(addresses.error())));
      const std::size_t num_found = addresses->size();
      auto refusal = remove_refused(*addresses, connector.local_backends_);
      if (refusal) connector.num_addresses_refused_.add(num_found - addresses->size());
      if (addresses->empty()) return finish(std::unexpected(std::move(*refusal)));
      // The race ends before `this` does, and the deadline before the timeout of any attempt but the first.
      race.emplace(
          connector.loop_.timers(), std::move(*addresses),
          [this](const std::string& address, net::OnConnect on_connect) {
            return net::connect(connector.loop_, address, port, timeout, std::move(on_connect));
          },
          [this](std::expected<net::TransportPtr, Error> result) { finish(std::move(result)); });
    }

    void on_deadline() {
      const ErrorCode code = race ? ErrorCode::kConnectFailed : ErrorCode::kResolveFailed;
      finish(std::unexpected(upstream_error(code, "timeout")));
    }

    // Last: the callee destroys the attempt and with it `this`.
    void finish(std::expected<net::TransportPtr, Error> result) {
      deadline.cancel();
      if (!on_connected) return;
      std::exchange(on_connected, nullptr)(std::move(result));
    }

    Connector& connector;
    std::uint16_t port;
    std::chrono::milliseconds timeout;
    OnConnected on_connected;
    net::Timer deadline;
    std::optional<net::ConnectRace> race;
  };
  std::shared_ptr<Shared> shared_;
};

std::string make_proxy_header(ProxyProtocol protocol, const net::ProxyAddresses* addresses) {
  switch (protocol) {
    case ProxyProtocol::kNone:
      break;
    case ProxyProtocol::kV1:
      return net::proxy_header_v1(addresses);
    case ProxyProtocol::kV2:
      return net::proxy_header_v2(addresses);
  }
  return {};
}

Connector::OnConnected Connector::with_proxy_header(std::string header, OnConnected on_connected) {
  if (header.empty()) return on_connected;
  return [this, header = std::move(header),
          on_connected = std::move(on_connected)](std::expected<net::TransportPtr, Error> stream) mutable {
    if (stream) {
      base::Chain bytes;
      bytes.append_copy(header, loop_.buffers());
      (*stream)->write(std::move(bytes));  // what becomes of it the stream tells once it is started
    }
    on_connected(std::move(stream));
  };
}

Connector::Connector(net::EventLoop& loop, net::Resolver* resolver, LocalBackends local_backends)
    : loop_(loop),
      resolver_(resolver),
      local_backends_(local_backends),
      sessions_(std::make_shared<tls::SessionCache>()) {}

std::unique_ptr<Connector::Attempt> Connector::open(const Endpoint& endpoint,
                                                    std::chrono::milliseconds timeout,
                                                    OnConnected on_connected) {
  if (base::classify_address(endpoint.address)) {
    if (auto refusal = find_refusal(endpoint.address, local_backends_)) {
      num_addresses_refused_.add();
      return std::make_unique<FailedAttempt>(loop_, std::move(*refusal), std::move(on_connected));
    }
    return std::make_unique<AddressAttempt>(loop_, endpoint, timeout, std::move(on_connected));
  }
  if (resolver_ != nullptr) {
    return std::make_unique<NameAttempt>(*this, endpoint, timeout, std::move(on_connected));
  }
  return std::make_unique<FailedAttempt>(loop_, upstream_error(ErrorCode::kResolveFailed, "no_resolver"),
                                         std::move(on_connected));
}

}  // namespace ingress::upstream
