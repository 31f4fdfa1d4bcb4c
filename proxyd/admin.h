// The admin and probe addresses: a small server of its own, so that it answers while the proxy has nothing
// to serve yet, drains, or is busy.
//
// Owner: the daemon. Thread: the loop's; pages are made on the admin server's one worker.
// Caller: what the pages read outlives this object.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/filter.h"
#include "ingress/loop.h"
#include "ingress/server.h"
#include "proxyd/process/supervisor_client.h"

namespace proxyd {

enum class ServedOn : unsigned char { kAdmin, kBoth };

struct AdminPage {
  std::string_view path;
  ServedOn served_on;
  std::function<ingress::Reply()> make;  // thread: the admin server's
};

ingress::Reply json_reply(std::uint16_t status, std::string body);
ingress::Reply metrics_reply(std::string text);

class Admin {
 public:
  struct Addresses {
    std::optional<ingress::Listener> admin, probe;
  };
  // Listens on the addresses that are set, by sockets of `supervisor` when there is one; the probe one serves
  // only pages of kBoth. Fails with a sentence.
  static std::expected<Admin, std::string> create(ingress::Loop& loop, const Addresses& addresses,
                                                  std::vector<AdminPage> pages, SupervisorClient* supervisor);
  ingress::ServerStatus status() const { return server_.status(); }

 private:
  explicit Admin(ingress::Server server) : server_(std::move(server)) {}
  ingress::Server server_;
};

}  // namespace proxyd
