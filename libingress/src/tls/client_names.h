// The names in a client's certificate: what rules are held against, and what backends are told.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ingress/client_certificates.h"

struct x509_st;

namespace ingress::tls {

struct ClientName {
  ClientNameType type;
  std::string value;  // any bytes; of an address its text
  friend bool operator==(const ClientName&, const ClientName&) = default;
};

// More than that many do not count: each is held against each rule.
inline constexpr std::size_t kMaxClientNames = 256;

// Of the kinds that ClientNameType has, those of the subjectAltName in their order; the common name is the
// last, and there only when the subject has exactly one.
std::vector<ClientName> client_names(const x509_st& certificate);

}  // namespace ingress::tls
