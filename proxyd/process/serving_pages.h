// The admin pages of the serving process: its own state, and what its controller says.
#pragma once

#include <vector>

#include "ingress/server.h"
#include "proxyd/access_log.h"
#include "proxyd/admin.h"
#include "proxyd/process/controller_view.h"

namespace proxyd {

struct ServingSources {
  ingress::Server& proxy;
  ControllerView& controller;
  AccessLog* access_log = nullptr;  // null = off
  bool is_restored = false;         // a configuration of the process before was there at the start
};
// `sources` outlive the pages.
std::vector<AdminPage> serving_pages(const ServingSources& sources);

}  // namespace proxyd
