// A field to be written in HTTP/2.
#pragma once

#include <string_view>

namespace ingress::http {

// Views of the head, or of static text.
struct H2Field {
  std::string_view name;  // any case: it is written in lower case
  std::string_view value;
  bool is_sensitive = false;  // keep it out of the compression tables (RFC 7541 7.1)
};

}  // namespace ingress::http
