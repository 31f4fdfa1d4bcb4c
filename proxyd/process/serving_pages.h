// The admin pages of the serving process: its own state, and what its controller says.
#pragma once

#include <atomic>
#include <vector>

#include <atomic>
#include <vector>
#include "ingress/server.h"
#include "proxyd/access_log.h"

#include "proxyd/admin.h"
#include "proxyd/process/controller_view.h"

namespace proxyd {

struct ServingSources {
  ingress::Server& proxy;
  ControllerView& controller;
  AccessLog* access_log = nullptr;   // null = off
  bool is_restored = false;          // a configuration of the process before was there at the start
  const std::atomic<bool>& is_kept;  // what is served would be served again by the process after this one
};
// `sources` outlive the pages.
std::vector<AdminPage> serving_pages(const ServingSources& sources);

}  // namespace proxyd
