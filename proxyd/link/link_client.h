// The data plane's end of the link: what the controller sends is served, and acknowledged once every worker
// has adopted it.
//
// Owner: the daemon. Thread: the loop's. Caller: keeps what the options name until the client is destroyed.
// Always true: what is served stays, whatever becomes of the controller; only a configuration that was read
// to its end is published, as the difference to the one before; what the server refuses is tried again.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/loop.h"
#include "ingress/stream.h"
#include "proxyd/config_source.h"
#include "proxyd/link/link_messages.h"

namespace proxyd {

struct LinkClientOptions {
  std::string version = {};  // of this program, for the other end's log
  LinkTimes times = {};
  // Where the controller is; unset: only the stream that adopt() is given.
  std::optional<ingress::StreamAddress> from = {};
  std::optional<ingress::StreamIdentity> tls = {};  // for `from`; unset with "unix:PATH" only
  // Whether every worker has adopted what the Publisher gave that generation: asked every 10 ms while an
  // acknowledgement waits for it.
  std::function<bool(ingress::Generation)> is_adopted = {};
  // Another configuration is served: every worker has it. config_bytes() is that one.
  std::function<void(std::uint64_t sequence)> on_adopted = {};
  // The server refused a configuration, and serves the one from before; tried again.
  std::function<void(const std::vector<ingress::Problem>& problems)> on_refused = {};
  // What the controller says of itself, whenever that changes.
  std::function<void(const ControllerReport& report)> on_report = {};
  // The controller is there (`why` empty) or not any more. Not called again for the same `why`.
  std::function<void(const std::string& why)> on_state = {};
};

class LinkClient {
 public:
  LinkClient(ingress::Loop& loop, Publisher& publisher, LinkClientOptions options);
  LinkClient(const LinkClient&) = delete;
  LinkClient& operator=(const LinkClient&) = delete;
  ~LinkClient();

  // Publishes what config_bytes() gave once. Before start(): what is served already is not sent again. Fails
  // when the bytes are none that this program wrote, or the server refuses them.
  std::expected<void, std::vector<ingress::Problem>> restore(std::string_view config_bytes);
  // Connects, and again whenever the connection ends.
  void start();
  // The other end of a socketpair, in place of the stream there was.
  void adopt(std::unique_ptr<ingress::Stream> stream);

  bool is_connected() const;       // both have said hello
  std::uint64_t sequence() const;  // the newest that every worker has adopted; 0 = none of this controller
  // The configuration received last in wire form, keys included: for the copy that outlives this process.
  std::string config_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace proxyd
