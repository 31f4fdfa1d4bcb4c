// Request targets: the four forms of RFC 9112 3.2, and the ONE normalisation of a path.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "ingress/error.h"
#include "ingress/message.h"

namespace ingress::http {

// "//" becomes "/" once dot segments are gone, so that what ".." takes away is the segment that the client
// wrote, or stays.
enum class Slashes : std::uint8_t { kMerge, kKeep };

// Refused when backends are known to read such a path as another one.
enum class Ambiguous : std::uint8_t {
  kReject,            // ';', "%2F", "%5C", and what becomes '.', '/' or '\\' when it is decoded twice
  kRejectHiddenDots,  // "." or ".." behind a parameter (Tomcat cuts "..;x") or an encoded separator
  kKeep,
};

struct PathOptions {
  Slashes slashes = Slashes::kMerge;
  Ambiguous ambiguous = Ambiguous::kRejectHiddenDots;
};

// The form that routing, policies and the backend see (RFC 3986 6.2.2): percent-encoded unreserved
// characters decoded, hex digits upper case, dot segments removed, "%2F" kept as data.
// kBadRequest with what = "bad_path" for '\\', "%00", "%zz", raw control, space or non-ASCII bytes, and
// "ambiguous_path" as the options say of the normal form; ".." above the root stays at the root. `scratch`
// holds the result when it differs from `path`; the view points to either. Idempotent for the same options.
std::expected<std::string_view, Error> normalize_path(std::string_view path, PathOptions options,
                                                      std::string& scratch);

struct Authority {
  std::string_view host;        // as written, brackets kept
  std::uint16_t port = 0;       // 0 = none
  bool has_upper_case = false;  // in `host`
};
// host[:port] of a Host field or an absolute target (RFC 3986 3.2.2 and 3.2.3, no userinfo).
std::expected<Authority, Error> parse_authority(std::string_view text);

// Sets method-independent parts of `head` (authority, host in lower case, path, query) from the raw target
// and the Host field's value ("" when there was none). An absolute target's authority replaces Host
// (RFC 9112 3.2.2). kBadRequest (what = "bad_target", "bad_host" and those of normalize_path()),
// kMethodNotSupported for CONNECT and authority-form.
std::expected<void, Error> parse_target(std::string_view method, std::string_view target,
                                        std::string_view host_field, PathOptions options, RequestHead& head);

}  // namespace ingress::http
