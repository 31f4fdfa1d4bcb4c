// Targets of requests. The first byte chooses the method and what the listener asks of paths; a line feed in
// the rest divides the Host field from the target.
//
// Asserted: what is taken, and as what, is what RFC 3986 gives read by its letter; a normal path stays as it
// is, is no longer than what it came from and holds neither a dot segment nor an escape that stands for
// nothing.
#include <cstdint>
#include <string>
#include <string_view>

#include "http/uri.h"
#include "support/require.h"
#include "support/strict_uri.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::fuzzing;

namespace {

// The same wish, for the library and for the strict reader.
struct Wish {
  PathOptions options;
  StrictPaths strict;
};

Wish choose_wish(std::uint8_t choices) {
  static constexpr Ambiguous kAmbiguous[] = {Ambiguous::kKeep, Ambiguous::kRejectHiddenDots,
                                             Ambiguous::kReject};
  const Slashes slashes = choices & 4 ? Slashes::kMerge : Slashes::kKeep;
  const unsigned strictness = (choices >> 3) % 3;
  return {.options = {slashes, kAmbiguous[strictness]},
          .strict = {.merges_slashes = slashes == Slashes::kMerge,
                     .refuses_hidden_dots = strictness >= 1,
                     .refuses_marks = strictness == 2}};
}

void check_path(std::string_view path, const Wish& wish) {
  std::string scratch;
  const auto got = normalize_path(path, wish.options, scratch);
  const auto wanted = strict_path(path, wish.strict);
  require(got.has_value() == wanted.has_value(), "takes the same paths");
  if (!got) return;
  require_equal(std::string(*got), *wanted, "same normal form");
  std::string again;
  const auto twice = normalize_path(*got, wish.options, again);
  require(twice.has_value() && *twice == *got, "idempotent");
  require(got->starts_with('/') && got->size() <= path.size(), "starts with '/', grows never");
  const std::string framed = std::string(*got) + "/";
  require(framed.find("/./") == framed.npos && framed.find("/../") == framed.npos, "no dot segments");
  for (const char c : *got) require(c > ' ' && c < 0x7f && c != '\\' && c != '?' && c != '#', "output class");
}

std::string describe_head(const RequestHead& head) {
  std::string out(head.path());
  if (head.has_query()) out.append("?").append(head.query());
  out.append(" ").append(head.host()).append(" ").append(std::to_string(head.port()));
  return out.append(" ").append(head.authority());
}

void check_target(std::string_view method, std::string_view target, std::string_view host, const Wish& wish) {
  RequestHead head;
  const auto got = parse_target(method, target, host, wish.options, head);
  const auto wanted = strict_target(
      method, target, host.empty() ? std::nullopt : std::optional(std::string(host)), false, wish.strict);
  require(got.has_value() == wanted.has_value(), "takes the same targets");
  if (!got) return;
  std::string text = wanted->path;
  if (wanted->query) text.append("?").append(*wanted->query);
  text.append(" ").append(wanted->host).append(" ").append(std::to_string(wanted->port));
  require_equal(describe_head(head), text.append(" ").append(wanted->authority), "same target");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size_bytes - 1);
  static constexpr std::string_view kMethods[] = {"GET", "OPTIONS", "CONNECT", "POST"};
  const std::size_t line_feed = text.find('\n');
  const std::string_view host = line_feed == text.npos ? "h.example" : text.substr(0, line_feed);
  const std::string_view target = text.substr(line_feed == text.npos ? 0 : line_feed + 1);
  const Wish wish = choose_wish(data[0]);
  check_path(target, wish);
  check_target(kMethods[data[0] % 4], target, host, wish);
  return 0;
}
