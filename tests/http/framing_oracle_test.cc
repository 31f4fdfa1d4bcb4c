// The framing table against RFC 9112 6.3, written out sentence by sentence.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "heads.h"
#include "http/framing.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

struct Field {
  const char* name;
  const char* value;
};

// At least one spelling of each step of the table, and a field that is none.
constexpr std::array<Field, 14> kFields = {{{"Content-Length", "5"},
                                            {"content-length", "0"},
                                            {"Content-Length", "+5"},
                                            {"Content-Length", ""},
                                            {"Content-Length", "9223372036854775808"},
                                            {"Content-Length", "5, 5"},
                                            {"Transfer-Encoding", "chunked"},
                                            {"transfer-encoding", "CHUNKED"},
                                            {"Transfer-Encoding", "gzip"},
                                            {"Transfer-Encoding", "gzip, chunked"},
                                            {"Transfer-Encoding", "identity"},
                                            {"Transfer-Encoding", ""},
                                            {"Transfer-Encoding", "chunked;q=1"},
                                            {"X-Content-Length", "7"}}};
constexpr std::size_t kMaxFields = 3;  // two lead to every state, and each is left by every step

enum class Kind : std::uint8_t { kRequest, kResponse, kHeadResponse, kInterim, kNoContent, kNotModified };

using Message = std::vector<Field>;

std::vector<std::string> values_of(const Message& message, std::string_view name) {
  std::vector<std::string> values;
  for (const Field& field : message) {
    std::string lower(field.name);
    std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    if (lower == name) values.emplace_back(field.value);
  }
  return values;
}

// What 6.3 says, in its order, and where it lets a recipient choose: refused.
std::string oracle(const Message& message, Kind kind, HttpVersion version) {
  const std::vector<std::string> codings = values_of(message, "transfer-encoding");
  const std::vector<std::string> lengths = values_of(message, "content-length");
  // 1 and 2: no body, whatever the fields say; but fields that contradict each other are still refused.
  const bool is_bodiless = kind != Kind::kRequest && kind != Kind::kResponse;
  // 3
  if (!codings.empty() && !lengths.empty()) return "length_and_chunked";
  // 4, and 6.1: HTTP/1.0 with a transfer coding is faulty framing.
  if (!codings.empty()) {
    if (version == HttpVersion::kHttp10) return "chunked_http10";
    if (codings.size() > 1) return "bad_transfer_encoding";
    if (codings[0] == "gzip") return "unknown_transfer_coding";
    if (codings[0] != "chunked" && codings[0] != "CHUNKED") return "bad_transfer_encoding";
    return is_bodiless ? "none" : "chunked";
  }
  // 5 and 6
  if (!lengths.empty()) {
    if (lengths.size() > 1 || lengths[0].find(',') != std::string::npos) return "two_content_lengths";
    if (lengths[0] != "5" && lengths[0] != "0") return "bad_content_length";
    return is_bodiless ? "none" : "length " + lengths[0];
  }
  // 7 and 8
  return kind == Kind::kResponse ? "until close" : "none";
}

std::string to_text(const std::expected<BodyFraming, Error>& framing) {
  if (!framing) return framing.error().what;
  switch (framing->kind) {
    case BodyKind::kNone:
      return "none";
    case BodyKind::kLength:
      return "length " + std::to_string(framing->length);
    case BodyKind::kChunked:
      return "chunked";
    default:
      return "until close";
  }
}

template <typename Head>
void fill(Head& head, const Message& message, HttpVersion version) {
  head.set_version(version);
  for (const Field& field : message) head.headers().add(field.name, field.value);
}

std::string frame(const Message& message, Kind kind, HttpVersion version) {
  if (kind == Kind::kRequest) {
    RequestHead head;
    fill(head, message, version);
    head.set_method_view("POST");
    return to_text(request_framing(head));
  }
  ResponseHead head;
  fill(head, message, version);
  head.set_status(kind == Kind::kInterim ? 103 : kind == Kind::kNoContent ? 204 : 200);
  if (kind == Kind::kNotModified) head.set_status(304);
  return to_text(response_framing(head, kind == Kind::kHeadResponse ? "HEAD" : "GET"));
}

std::string describe(const Message& message, Kind kind, HttpVersion version) {
  std::string out = "kind " + std::to_string(static_cast<int>(kind));
  out += version == HttpVersion::kHttp10 ? " 1.0: " : " 1.1: ";
  for (const Field& field : message) out.append(field.name).append(": ").append(field.value).append("; ");
  return out;
}

// The first message with these fields in front, and up to `num_more` behind, that is framed otherwise than
// the RFC says; empty when there is none.
std::string find_difference(Message& message, std::size_t num_more) {
  for (const Kind kind : {Kind::kRequest, Kind::kResponse, Kind::kHeadResponse, Kind::kInterim,
                          Kind::kNoContent, Kind::kNotModified}) {
    for (const HttpVersion version : {HttpVersion::kHttp10, HttpVersion::kHttp11}) {
      const std::string got = frame(message, kind, version);
      const std::string expected = oracle(message, kind, version);
      if (got != expected) return describe(message, kind, version) + got + " for " + expected;
    }
  }
  if (num_more == 0) return {};
  for (const Field& field : kFields) {
    message.push_back(field);
    const std::string difference = find_difference(message, num_more - 1);
    message.pop_back();
    if (!difference.empty()) return difference;
  }
  return {};
}

}  // namespace

TEST_CASE("Every sequence of fields is framed as the RFC says, in both directions and versions") {
  Message message;
  CHECK_EQ(find_difference(message, kMaxFields), "");
}
