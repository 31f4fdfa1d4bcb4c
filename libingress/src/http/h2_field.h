// What a field of an HTTP/2 request is by itself, found out once: H2FieldCache keeps it with fields that come
// again and again.
//
// Thread: any; plain functions of their input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ingress/message.h"

namespace ingress::http {

enum class H2Name : std::uint8_t {
  kMalformed,     // no token in lower case (RFC 9113 8.2.1), or a pseudo field that nobody knows (8.3)
  kOfConnection,  // RFC 9113 8.2.2
  kMethod,
  kScheme,
  kAuthority,
  kPath,
  kProtocol,  // RFC 8441 4
  kHost,
  kContentLength,
  kCookie,
  kPriority,  // RFC 9218 5
  kOther,
};

struct H2FieldFacts {
  H2Name name = H2Name::kMalformed;
  HeaderId id = HeaderId::kOther;
  bool is_plain = false;     // the name: letters, digits and hyphens, as HeaderField::is_line wants it
  bool is_value_ok = false;  // what RFC 9113 and RFC 9110 ask of a value of that name
};

struct H2ReadField {
  std::string_view name;
  std::string_view value;
  // The field as a line of HTTP/1.1, with its CR LF, where there is one.
  const char* line = nullptr;
  H2FieldFacts facts = {};
};

inline std::size_t line_bytes(std::size_t name_size, std::size_t value_size) {
  return name_size + value_size + 4;
}

// Linear in both.
H2FieldFacts judge_field(std::string_view name, std::string_view value);

}  // namespace ingress::http
