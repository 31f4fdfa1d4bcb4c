#include "proxy/stream_metrics.h"

namespace ingress::proxy {

std::string_view to_string(StreamRefusal why) {
  switch (why) {
    case StreamRefusal::kHelloTimeout:
      return "hello_timeout";
    case StreamRefusal::kHelloLeft:
      return "hello_closed";
    case StreamRefusal::kNotTls:
      return "not_tls";
    case StreamRefusal::kUnrecognizedName:
      return "unrecognized_name";
    case StreamRefusal::kHandshakes:
      return "max_handshakes";
    case StreamRefusal::kTls:
      return "tls_handshake";
    case StreamRefusal::kMaxConnections:
      return "max_connections";
    case StreamRefusal::kNoBackends:
      return "no_backends";
    case StreamRefusal::kNoEndpoints:
      return "no_endpoints";
    case StreamRefusal::kCircuitOpen:
      return "circuit_open";
    case StreamRefusal::kConnect:
      return "connect_failed";
  }
  return "";
}

}  // namespace ingress::proxy
