// Each state of a head and of a chunked body takes exactly the bytes that the grammar has in that place.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "heads.h"
#include "http/body_decoder.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

using Bytes = std::function<bool(unsigned char)>;

// The grammar's words, spelled apart from the product's tables.
Bytes any_of(std::string_view bytes) {
  return [bytes](unsigned char c) { return bytes.find(static_cast<char>(c)) != bytes.npos; };
}
Bytes operator|(Bytes a, Bytes b) {
  return [a = std::move(a), b = std::move(b)](unsigned char c) { return a(c) || b(c); };
}
const Bytes kDigit = any_of("0123456789");
const Bytes kUpper = any_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
const Bytes kLower = any_of("abcdefghijklmnopqrstuvwxyz");
const Bytes kMark = any_of("!#$%&'*+-.^_`|~");
const Bytes kHex = kDigit | any_of("abcdefABCDEF");
const Bytes kToken = kDigit | kUpper | kLower | kMark;
const Bytes kMethod = kDigit | kUpper | kMark;  // no lower case: see HeadScanner::scan_method
const Bytes kVisible = [](unsigned char c) { return c >= 0x21 && c <= 0x7e; };
const Bytes kText = [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); };
const Bytes kAll = [](unsigned char) { return true; };
const Bytes kCr = any_of("\r");
const Bytes kLf = any_of("\n");
const Bytes kSpace = any_of(" ");

struct State {
  std::string prefix;
  Bytes taken;  // the bytes that may come next
};

const std::string kRequestLine = "GET / HTTP/1.1\r\n";
const std::string kStatusLine = "HTTP/1.1 200 OK\r\n";

std::vector<State> field_states(const std::string& before) {
  return {
      {before, kToken | kCr},        {before + "X", kToken | any_of(":")}, {before + "X:", kText | kCr},
      {before + "X: ", kText | kCr}, {before + "X: a", kText | kCr},       {before + "X: a ", kText | kCr},
      {before + "X: a\r", kLf},      {before + "X: a\r\n", kToken | kCr},  {before + "X: a\r\n\r", kLf}};
}

std::vector<State> operator+(std::vector<State> states, const std::vector<State>& more) {
  states.insert(states.end(), more.begin(), more.end());
  return states;
}

const std::vector<State> kRequestStates =
    std::vector<State>{{"", kMethod | kCr},          {"\r", kLf},
                       {"\r\n", kMethod | kCr},      {"\r\n\r\n", kMethod},
                       {"GE", kMethod | kSpace},     {"GET ", kVisible},
                       {"GET /", kVisible | kSpace}, {"GET / ", any_of("H")},
                       {"GET / H", any_of("T")},     {"GET / HT", any_of("T")},
                       {"GET / HTT", any_of("P")},   {"GET / HTTP", any_of("/")},
                       {"GET / HTTP/", kDigit},      {"GET / HTTP/1", any_of(".")},
                       {"GET / HTTP/1.", kDigit},    {"GET / HTTP/1.1", kCr},
                       {"GET / HTTP/1.1\r", kLf}} +
    field_states(kRequestLine + "Host: a\r\n");

const std::vector<State> kResponseStates = std::vector<State>{{"", any_of("H")},
                                                              {"HTTP/", kDigit},
                                                              {"HTTP/1", any_of(".")},
                                                              {"HTTP/1.", kDigit},
                                                              {"HTTP/1.1", kSpace},
                                                              {"HTTP/1.1 ", kDigit},
                                                              {"HTTP/1.1 2", kDigit},
                                                              {"HTTP/1.1 20", kDigit},
                                                              {"HTTP/1.1 200", kSpace | kCr},
                                                              {"HTTP/1.1 200 ", kText | kCr},
                                                              {"HTTP/1.1 200 O", kText | kCr},
                                                              {"HTTP/1.1 200 OK\r", kLf}} +
                                           field_states(kStatusLine);

const std::vector<State> kChunkStates = std::vector<State>{{"", kHex},
                                                           {"5", kHex | any_of("\r;")},
                                                           {"000000000000005", kHex | any_of("\r;")},
                                                           {"0000000000000005", any_of("\r;")},
                                                           {"5\r", kLf},
                                                           {"5;", kText | kCr},
                                                           {"5;a", kText | kCr},
                                                           {"5;a\r", kLf},
                                                           {"5\r\n", kAll},
                                                           {"5\r\nhell", kAll},
                                                           {"5\r\nhello", kCr},
                                                           {"5\r\nhello\r", kLf},
                                                           {"5\r\nhello\r\n", kHex},
                                                           {"0\r", kLf}} +
                                        field_states("0\r\n");

// Whether all of `text` was taken.
template <typename Parser>
bool takes_head(const std::string& text) {
  Parser parser({});
  return parser.feed(text).has_value();
}

bool takes_chunks(ErrorCode side, std::string_view text) {
  BodyDecoder decoder;
  decoder.start({BodyKind::kChunked, 0}, side, 0);
  while (!text.empty()) {
    const auto step = decoder.next(text);
    if (!step) return false;
    text.remove_prefix(step->consumed);
  }
  return true;
}

// The bytes that are taken though they should not be, or the other way round.
std::string find_wrong_bytes(const State& state, const std::function<bool(const std::string&)>& takes) {
  std::string wrong;
  for (int c = 0; c < 256; ++c) {
    const auto byte = static_cast<unsigned char>(c);
    if (takes(state.prefix + static_cast<char>(byte)) != state.taken(byte)) wrong += std::to_string(c) + " ";
  }
  return wrong;
}

void check_states(const std::vector<State>& states, const std::function<bool(const std::string&)>& takes) {
  for (const State& state : states) {
    CAPTURE(state.prefix);
    CHECK(takes(state.prefix));
    CHECK_EQ(find_wrong_bytes(state, takes), "");
  }
}

}  // namespace

TEST_CASE("Each state of a request head takes its bytes and no others") {
  check_states(kRequestStates, takes_head<RequestParser>);
}

TEST_CASE("Each state of a response head takes its bytes and no others") {
  check_states(kResponseStates, takes_head<ResponseParser>);
}

TEST_CASE("Each state of a chunked body takes its bytes and no others, in both directions") {
  for (const ErrorCode side : {ErrorCode::kBadRequest, ErrorCode::kBadResponse}) {
    check_states(kChunkStates, [side](const std::string& text) { return takes_chunks(side, text); });
  }
}
