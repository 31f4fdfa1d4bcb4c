// A Connector that opens connections to FakePeers, when the test says so.
//
// Owner: the test, which keeps it for longer than any exchange. Thread: one.
#pragma once

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "net/timer_wheel.h"
#include "support/fake_transport.h"
#include "upstream/connector.h"

namespace ingress::test {

class FakeConnector final : public upstream::Connector {
 public:
  explicit FakeConnector(net::EventLoop& loop)
      : Connector(loop, nullptr, LocalBackends::kAllowed), loop_(loop) {}

  std::unique_ptr<Attempt> open(const Endpoint&, std::chrono::milliseconds timeout,
                                OnConnected on_connected) override {
    auto attempt = std::make_unique<FakeAttempt>(*this, std::move(on_connected));
    attempts_.push_back(attempt.get());
    attempt->limit.set(loop_.timers(), timeout);
    return attempt;
  }
  std::size_t num_waiting() const { return attempts_.size(); }
  // Both end the attempt that waits longest; there must be one. The peer is the backend's end.
  std::shared_ptr<FakePeer> accept() {
    std::shared_ptr<FakePeer> peer = FakePeer::make(&loop_.buffers());
    attempts_.front()->finish(peer->take_transport());
    return peer;
  }
  // Ends the attempt that has waited the shortest time.
  std::shared_ptr<FakePeer> accept_newest() {
    std::shared_ptr<FakePeer> peer = FakePeer::make(&loop_.buffers());
    attempts_.back()->finish(peer->take_transport());
    return peer;
  }
  // `side`: kSelf when it is this process that lacks something.
  void refuse(ErrorSide side = ErrorSide::kUpstream) {
    attempts_.front()->finish(
        std::unexpected(Error{ErrorCode::kConnectFailed, side, RetrySafety::kSafe, "refused", {}}));
  }

 private:
  struct FakeAttempt final : Attempt {
    FakeAttempt(FakeConnector& connector_in, OnConnected on_connected_in)
        : connector(connector_in),
          on_connected(std::move(on_connected_in)),
          limit([](void* self) { static_cast<FakeAttempt*>(self)->time_out(); }, this) {}
    ~FakeAttempt() override { std::erase(connector.attempts_, this); }
    void time_out() {
      finish(std::unexpected(
          Error{ErrorCode::kConnectFailed, ErrorSide::kUpstream, RetrySafety::kSafe, "timeout", {}}));
    }
    // The callback may destroy the attempt.
    void finish(std::expected<net::TransportPtr, Error> result) {
      limit.cancel();
      std::erase(connector.attempts_, this);
      std::exchange(on_connected, nullptr)(std::move(result));
    }

    FakeConnector& connector;
    OnConnected on_connected;
    net::Timer limit;
  };

  net::EventLoop& loop_;
  std::vector<FakeAttempt*> attempts_;
};

}  // namespace ingress::test
