// Options of `run` and `serve`: how requests are served and what is told of it, whatever the configuration.
#pragma once

#include <string>

#include "proxyd/option_reader.h"
#include "proxyd/options.h"

namespace proxyd {

struct RawAdmin {
  std::string admin, probe;
};
struct RawServe {
  RawAdmin admin;
  bool sandbox = true;
  std::string user, workers, zone, access_log = "stdout", shutdown_delay = "0s", drain_timeout = "30s",
                                   tunnel_drain_timeout = "10s";
};

void add_admin_options(CLI::App& app, RawAdmin& raw);
// Either may stay unset.
void read_admin(OptionReader& reader, const RawAdmin& raw, std::optional<ingress::Listener>& admin,
                std::optional<ingress::Listener>& probe);
void add_serve_options(CLI::App& app, RawServe& raw);
ServeOptions read_serve(OptionReader& reader, const RawServe& raw);

}  // namespace proxyd
