// How TLS listeners speak to clients that ask for some server names. Part of the typed model (IR): plain
// values, compared with ==.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ingress/client_certificates.h"
#include "ingress/listener.h"
#include "ingress/origin.h"

namespace ingress {

// In place of what the listener says, where set or not empty, on every TLS listener. Requests that come by a
// connection with another policy than that of their host are answered 421, but for requests to the server
// name that it began with. A change is seen by handshakes that begin after a worker adopted it.
struct TlsPolicy {
  std::string name;  // unique among TLS policies
  // As Certificate::server_names, one at least: the most specific one counts, of policies that have the same
  // the first by name.
  std::vector<std::string> server_names = {};
  // Takes the place of all that the listener says of versions, ciphers and groups.
  std::optional<TlsPreset> preset = {};
  std::optional<TlsVersion> min_version = {};
  std::optional<TlsVersion> max_version = {};
  std::vector<Tls12Cipher> tls12_ciphers = {};
  std::vector<TlsGroup> groups = {};
  std::optional<ClientCertificates> client_certificates = {};
  Origin origin = {};
  friend bool operator==(const TlsPolicy&, const TlsPolicy&) = default;
};

}  // namespace ingress
