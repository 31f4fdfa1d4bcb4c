// The texts of the admin pages, made from readings. Pure; the JSON is documented in docs/admin.md and is
// only added to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/config.h"
#include "ingress/metrics.h"
#include "ingress/server.h"
#include "proxyd/problem_board.h"

namespace proxyd {

// {"published": n, "workers": [{"adopted": n, "views": n}]}
std::string generation_page(const ingress::ServerStatus& status);

// {"clusters": [{"name", "panic", "endpoints": [{"address", "port", "state", "reason", "since_unix_ms",
//   "active_requests", "idle_connections"}], "circuit_breakers": {"max_connections": {"limit", "current",
//   "overflows"}, ..}}]}
std::string clusters_page(std::span<const ingress::ClusterStatus> clusters);

// {"problems": [{"severity", "source", "object": {"kind", "namespace", "name"}, "field", "why", "fix"}]}
std::string problems_page(std::span<const ingress::Problem> problems);

// Why the server should get no requests now; empty when it should.
std::vector<std::string> reasons_not_ready(const ingress::ServerStatus& status);
// Whether the process that translates is there, for who serves without it.
struct ControllerPresence {
  bool is_connected = false;
  std::string why;  // it is not
  std::int64_t since_unix_ms = 0;
};
// {"ready": bool, "reasons": [..], "controller": {"connected": bool, "why", "since_unix_ms"}}; "controller"
// only with a value.
std::string readiness_page(std::span<const std::string> reasons,
                           const std::optional<ControllerPresence>& controller = {});

// Everything that /metrics says besides the server's own counters.
struct DaemonReading {
  BoardReading board;
  bool is_ready = false;
  std::optional<bool> is_controller_connected;  // nothing: this process is the controller
  std::uint64_t num_log_lines_dropped = 0;
  std::string_view version;
  std::string_view controller_text;  // controller_metrics_text() of whoever translates, appended
};
// Prometheus text format 0.0.4; all names start with "proxyd_".
std::string metrics_page(const ingress::Metrics& server, const DaemonReading& daemon);
// What only the process that translates knows, in the same format.
std::string controller_metrics_text(const BoardReading& board);

}  // namespace proxyd
