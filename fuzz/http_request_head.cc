// Heads, as a client or a backend may send them. The first two bytes say how the rest is cut.
//
// Asserted: cutting changes nothing; llhttp reads an accepted head as we do; an accepted request, written
// anew, is the same request; a normal path is its own normal form.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/framing.h"
#include "http/h1_parser.h"
#include "http/h1_writer.h"
#include "http/hop_by_hop.h"
#include "http/uri.h"

using namespace ingress;
using namespace ingress::http;

namespace {

void require(bool is_true) {
  if (!is_true) std::abort();
}

// Sizes of pieces, from 1 to 64, decided by the input.
class Cuts {
 public:
  explicit Cuts(unsigned seed) : state_(seed) {}
  std::size_t next() {
    state_ = state_ * 1664525u + 1013904223u;
    return 1 + (state_ >> 26);
  }

 private:
  std::uint32_t state_;
};

std::string describe(const Headers& headers) {
  std::string out;
  for (const HeaderField& field : headers)
    out.append("\n").append(field.name).append("=").append(field.value);
  return out;
}

std::string describe(const RequestHead& head) {
  std::string out(head.method());
  out.append(" ").append(head.path()).append(head.has_query() ? "?" : "").append(head.query());
  out.append(" ").append(head.host()).append(":").append(std::to_string(head.port()));
  return out.append(" ").append(head.authority()).append(describe(head.headers()));
}

std::string describe(const ResponseHead& head) {
  return std::to_string(head.status()).append(" ").append(head.reason()).append(describe(head.headers()));
}

template <typename Parser>
std::string feed(Parser& parser, std::string_view text, Cuts* cuts) {
  std::size_t consumed = 0;
  while (true) {
    const std::string_view rest = text.substr(consumed);
    // A copy of its own, so that a view into fed bytes shows as a use after free.
    const std::string piece(cuts ? rest.substr(0, cuts->next()) : rest);
    const auto result = parser.feed(piece);
    if (!result) {
      require(std::string_view(result.error().what) != "parsers_disagree");
      return std::string(to_string(result.error().code)).append(" ").append(result.error().what);
    }
    consumed += result->consumed;
    if (result->is_complete) return std::to_string(consumed).append(" ").append(describe(parser.head()));
    require(result->consumed == piece.size());
    if (consumed == text.size()) return "more";
  }
}

// Nothing and "Content-Length: 0" are the same body.
BodyFraming same_body(BodyFraming framing) {
  return framing.kind == BodyKind::kLength && framing.length == 0 ? BodyFraming{} : framing;
}

void check_rewrite(RequestHead& head) {
  const auto framing = request_framing(head);
  if (!framing || head.host().empty()) return;
  strip_hop_by_hop(head.headers());
  head.headers().remove(HeaderId::kHost);
  base::BufferPool pool;
  base::Chain chain;
  write_request_head(chain, pool, head, *framing, ConnectionHeader::kNone);
  const std::string text = chain.to_string();
  // Host and Content-Length may be added.
  RequestParser again({.max_headers = HeadLimits{}.max_headers + 2});
  const auto result = again.feed(text);
  require(result.has_value() && result->is_complete && result->consumed == text.size());
  const auto framing_again = request_framing(again.head());
  require(framing_again.has_value() && same_body(*framing_again) == same_body(*framing));
  strip_hop_by_hop(again.head().headers());
  again.head().headers().remove(HeaderId::kHost);
  require(describe(again.head()) == describe(head));
}

void check_path(std::string_view path, PathOptions options) {
  std::string scratch;
  const auto once = normalize_path(path, options, scratch);
  if (!once) return;
  std::string scratch_again;
  const auto twice = normalize_path(*once, options, scratch_again);
  require(twice.has_value() && *twice == *once && once->starts_with('/') && once->size() <= path.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 2) return 0;
  const unsigned seed = data[0] * 256u + data[1];
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size_bytes - 2);
  {
    RequestParser whole({});
    RequestParser cut({});
    Cuts cuts(seed);
    const std::string expected = feed(whole, text, nullptr);
    require(feed(cut, text, &cuts) == expected);
    require(whole.raw_method() == cut.raw_method() && whole.raw_target() == cut.raw_target());
    if (!whole.head().path().empty() && whole.feed({})) check_rewrite(whole.head());
  }
  {
    ResponseParser whole({});
    ResponseParser cut({});
    Cuts cuts(seed);
    require(feed(whole, text, nullptr) == feed(cut, text, &cuts));
  }
  for (const Slashes slashes : {Slashes::kMerge, Slashes::kKeep}) {
    for (const Ambiguous ambiguous : {Ambiguous::kReject, Ambiguous::kRejectHiddenDots, Ambiguous::kKeep})
      check_path(text, {slashes, ambiguous});
  }
  return 0;
}
