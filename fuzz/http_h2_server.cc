// All bytes that a client sends on one HTTP/2 connection, behind the preface and a SETTINGS frame: the frames
// are the fuzzer's. The first two bytes say how the rest is cut, the third when answers are given.
// Shares of the time: 2
//
// Asserted: cuts change nothing of what the streams are told; nobody is told of a request before its head, of
// anything behind its end or of a stream that is closed; a length that was announced is the length of the
// body; nothing that an HTTP/1.1 backend could read as a line of its own is in a head; what is answered
// leaves, within the client's windows; everything ends.
#include <cstdint>
#include <string>
#include <string_view>

#include "http/framing.h"
#include "support/h2_frames.h"
#include "support/h2_session.h"
#include "support/require.h"

using namespace ingress;
using namespace ingress::fuzzing;
using ingress::test::H2Session;

namespace {

// Small, so that inputs reach all of them.
constexpr http::H2Limits kLimits = {.head = {.head_bytes = 900, .max_headers = 10, .request_line_bytes = 200},
                                    .paths = {},
                                    .max_streams = 5,
                                    .stream_window_bytes = 16'384,
                                    .connection_window_bytes = 65'535};

std::string opening() {
  return std::string(test::kH2Preface) + test::h2_frame(test::kSettings, 0, 0, "");
}

void check_head(H2Session::Stream& stream) {
  RequestHead& head = stream.head();
  const auto is_clean = [](std::string_view text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
  };
  require(is_clean(head.method()) && is_clean(head.path()) && is_clean(head.query()) &&
              is_clean(head.authority()) && head.method().find(' ') == std::string_view::npos &&
              head.path().find(' ') == std::string_view::npos,
          "nothing in the target ends it");
  require(!head.headers().has(HeaderId::kTransferEncoding) && !head.headers().has(HeaderId::kConnection),
          "no field of a connection");
  require(!head.headers().may_repeat(HeaderId::kHost), "one host");
  for (const HeaderField& field : head.headers()) {
    require(is_clean(field.name) && is_clean(field.value), "a field is one line");
    require(!field.name.empty() && field.name.find_first_of(": \t") == std::string_view::npos,
            "a name is a token");
  }
}

void check(H2Session& session) {
  for (const auto& stream : session.streams) {
    const std::string_view text = stream->text;
    require(!stream->was_closed || text.size() == stream->size_at_close, "a closed stream is told nothing");
    if (!stream->has_request || text.starts_with("refused")) continue;
    check_head(*stream);
    const auto length = http::content_length(stream->head().headers());
    if (length && stream->has_ended) require(stream->body_bytes == *length, "the length is that of the body");
  }
}

// Up to the client's own GOAWAY. nghttp2 reads on behind it to the end of what it is given, and no further.
std::string_view until_goaway(std::string_view input) {
  std::size_t at = 0;
  while (input.size() - at >= 9) {
    const auto byte = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<std::uint8_t>(input[at + i]));
    };
    const bool is_goaway = byte(3) == test::kGoaway;
    at = std::min(input.size(), at + 9 + (byte(0) << 16 | byte(1) << 8 | byte(2)));
    if (is_goaway) break;
  }
  return input.substr(0, at == 0 ? input.size() : at);
}

// What the streams were told, all input read before anything is written.
std::string read_all(std::string_view input, bool is_cut, std::uint32_t seed) {
  H2Session session(kLimits);
  bool is_open = session.feed(opening());
  Cuts cuts(seed);
  while (is_open && !input.empty()) {
    const std::size_t size = is_cut ? std::min(cuts.next(), input.size()) : input.size();
    is_open = session.feed(input.substr(0, size));
    input.remove_prefix(size);
  }
  check(session);
  return session.text_of_whole();
}

// As a connection does: writes after each read, answers what has ended, and is written to in small pieces.
void serve(std::string_view input, std::uint32_t seed, std::uint8_t answers) {
  H2Session session(kLimits);
  bool is_open = session.feed(opening());
  Cuts cuts(seed);
  std::size_t num_answered = 0;
  while (is_open && !input.empty() && !session.server.is_over()) {
    const std::size_t size = std::min(cuts.next(), input.size());
    is_open = session.feed(input.substr(0, size));
    input.remove_prefix(size);
    for (; num_answered < session.streams.size(); ++num_answered) {
      H2Session::Stream& stream = *session.streams[num_answered];
      if (!stream.has_request && !stream.was_closed) break;
      const std::string body(std::size_t{answers} * 37, 'x');
      if (stream.has_request && !stream.was_closed) session.answer(stream, body);
    }
    if (answers % 2 == 0) {
      session.collect(answers * 10u + 1);
    } else if (answers % 3 == 0) {
      session.collect();
    }
  }
  check(session);
  if (!is_open) return;
  session.server.send_goaway();
  session.collect(std::size_t{1} << 24);
  for (const auto& stream : session.streams) {
    if (!stream->was_closed) session.server.reset(*stream, http::H2Code::kCancel);
  }
  session.collect(std::size_t{1} << 24);
  for (const auto& stream : session.streams)
    require(stream->was_closed || session.server.is_over(), "every stream ends, or all do");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 3) return 0;
  const std::uint32_t seed = data[0] * 256u + data[1];
  const std::string_view input(reinterpret_cast<const char*>(data) + 3, size_bytes - 3);
  const std::string_view compared = until_goaway(input);
  require(read_all(compared, false, seed) == read_all(compared, true, seed), "cuts change nothing");
  serve(input, seed, data[2]);
  return 0;
}
