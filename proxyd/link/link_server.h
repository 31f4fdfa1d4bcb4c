// The controller's end of the link: what its source says goes to every data plane that is connected.
//
// Owner: the daemon. Thread: the loop's. Caller: sources publish into it as into a server.
// Always true: what is sent validates, contents of certificates included, so that a data plane refuses it for
// its sockets alone; a data plane that has a part already is not sent it again; one that reads too slowly is
// asked what it has and sent the difference, however much happened meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ingress/loop.h"
#include "ingress/stream.h"
#include "proxyd/config_source.h"
#include "proxyd/link/link_messages.h"

namespace proxyd {

// A data plane as the controller sees it.
struct LinkPeer {
  std::uint64_t id = 0;          // of the connection; not used twice
  std::string name = {};         // as it was added
  std::string version = {};      // of its program
  std::uint64_t acked = 0;       // the newest sequence that all of its workers adopted; 0 = none yet
  std::uint64_t sent_bytes = 0;  // over this connection
  std::size_t queued_bytes = 0;  // of that what has not left
  std::vector<ingress::Problem> problems = {};  // why it does not serve the newest; empty when it does
};

struct LinkServerOptions {
  std::string version = {};      // of this program, for the other end's log
  std::size_t max_peers = 1024;  // connections beyond are closed
  LinkTimes times = {};
  // A data plane adopted `sequence`, or could not, for `problems`.
  std::function<void(const LinkPeer& peer, std::uint64_t sequence)> on_ack = {};
  // One more or one less; `why` is empty when it has come. For the log.
  std::function<void(const LinkPeer& peer, const std::string& why)> on_peer = {};
};

class LinkServer final : public Publisher {
 public:
  LinkServer(ingress::Loop& loop, LinkServerOptions options);
  LinkServer(const LinkServer&) = delete;
  LinkServer& operator=(const LinkServer&) = delete;
  ~LinkServer();

  // The outcome's Generation is the sequence that data planes acknowledge; the one from before when nothing
  // has changed. What is wrong changes nothing.
  Outcome publish(ingress::GatewayConfig config) override;
  Outcome apply(ingress::ConfigDelta delta) override;

  // A data plane, by a stream that was accepted or adopted. `name`: for status and log.
  void add_peer(std::unique_ptr<ingress::Stream> stream, std::string name);
  // What data planes show for this controller; sent to those that come later too.
  void report(ControllerReport report);

  std::uint64_t sequence() const;  // of what was published last; 0 = nothing yet
  std::vector<LinkPeer> peers() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace proxyd
