// What the serving process knows of its controller: its last report, and whether it is there.
//
// Owner: the serving process. Threads: written by the loop's, read by any.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "ingress/config.h"
#include "proxyd/link/link_messages.h"

namespace proxyd {

struct ControllerReading {
  ControllerReport report;    // with the problems of this side's listeners among its own
  bool has_reported = false;  // once, at least
  bool is_connected = false;
  std::string why = "it has not connected yet";  // it is not; empty when it is
  std::int64_t since_unix_ms = 0;
};

class ControllerView {
 public:
  ControllerView();
  void set_report(const ControllerReport& report);
  // Empty: it is there.
  void set_missing(const std::string& why);
  // Why the newest configuration is not served; empty when it is.
  void set_refused(std::vector<ingress::Problem> problems);
  ControllerReading reading() const;

 private:
  mutable std::mutex mutex_;
  ControllerReading state_;                // under mutex_
  std::vector<ingress::Problem> refused_;  // under mutex_
};

}  // namespace proxyd
