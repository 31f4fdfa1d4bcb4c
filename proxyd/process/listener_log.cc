#include "proxyd/process/listener_log.h"

#include <fmt/format.h>

#include <string>

#include "proxyd/log.h"

namespace proxyd {

void log_listener(const ingress::ListenerStatus& listener) {
  const bool is_v6 = listener.address.contains(':') && !listener.address.starts_with("unix:");
  const std::string address = is_v6 ? "[" + listener.address + "]" : listener.address;
  const std::string port = listener.port == 0 ? "" : fmt::format(":{}", listener.port);
  const char* protocol = listener.protocol == ingress::ListenerProtocol::kUdp ? " (UDP)" : "";
  log_line(fmt::format("{} listens on {}{}{}", listener.name, address, port, protocol));
}

}  // namespace proxyd
