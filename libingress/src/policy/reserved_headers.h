// Header names under which backends are told about client certificates: no client may send fields that a
// backend could take for ours.
//
// Owner: snapshots. Thread: any; const. Cost: nothing for a name whose length none of ours has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/client_certificates.h"
#include "ingress/message.h"

namespace ingress::policy {

class ReservedHeaders {
 public:
  explicit ReservedHeaders(const std::vector<std::string>& names);
  // Whether `name` is one of them, in any case and with anything but letters and digits for '-': CGI, WSGI
  // and PHP cannot tell them apart (header_spelling.h).
  bool cover(std::string_view name) const;
  // Whether any of `headers` is.
  bool cover_any(const Headers& headers) const;
  void remove_from(Headers& headers) const;
  friend bool operator==(const ReservedHeaders&, const ReservedHeaders&) = default;

 private:
  std::vector<std::string> names_;  // sorted, folded()
  std::uint64_t sizes_ = 0;         // a bit for each size that one has, modulo 64
};

// Whether a backend could take a field `name` for `ours`, as cover() says.
bool is_spelling_of(std::string_view name, std::string_view ours);

// Of all that `certificates` name; appends.
void add_reserved_names(const std::optional<ClientCertificates>& certificates,
                        std::vector<std::string>& names);

}  // namespace ingress::policy
