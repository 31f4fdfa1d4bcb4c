// All bytes that a backend sends on one connection, in answer to a few requests. The first two bytes say how
// the rest is cut, the third which requests were HEAD and whether the backend closes at the end.
//
// Asserted: cuts change nothing; which heads, how much body and where each ends is what the strict reader
// says, early refusals included; nothing behind the last answer belongs to one.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/body_decoder.h"
#include "http/framing.h"
#include "http/h1_parser.h"
#include "support/require.h"
#include "support/strict_http.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::fuzzing;

namespace {

constexpr StrictLimits kLimits = {.head_bytes = 800, .max_fields = 12, .trailer_bytes = 16 * 1024};
constexpr std::size_t kNumRequests = 4;

// Reads as H1ClientConn does, without a connection around it.
class Reader {
 public:
  explicit Reader(const std::vector<std::string>& methods)
      : methods_(methods),
        parser_({.head_bytes = static_cast<std::uint32_t>(kLimits.head_bytes),
                 .max_headers = static_cast<std::uint32_t>(kLimits.max_fields)}) {}

  void feed(std::string_view piece) {
    while (!piece.empty() && tail == StrictTail::kOpen) {
      const std::size_t taken = is_in_body_ ? take_body(piece) : take_head(piece);
      at_ += taken;
      piece.remove_prefix(taken);
      if (is_in_body_ && decoder_.is_end()) end_message();
    }
  }
  void end_input() {
    if (tail == StrictTail::kOpen && is_in_body_ && decoder_.end_of_input()) end_message();
  }
  std::string text() const { return messages_ + current_ + body_; }

  StrictTail tail = StrictTail::kOpen;
  std::string why;
  std::size_t num_complete = 0;

 private:
  std::size_t refuse(const Error& error) {
    require(error.what != std::string_view("parsers_disagree"), "llhttp reads it as we do");
    require(error.side == ErrorSide::kUpstream && error.code == ErrorCode::kBadResponse,
            "the backend's mistake");
    tail = StrictTail::kRefused;
    why = error.what;
    return 0;
  }

  std::size_t take_head(std::string_view piece) {
    if (num_final_ == methods_.size()) {
      return refuse({.code = ErrorCode::kBadResponse, .side = ErrorSide::kUpstream, .what = "not asked for"});
    }
    const std::string copy(piece);
    const auto fed = parser_.feed(copy);
    if (!fed) return refuse(fed.error());
    require(fed->is_complete || fed->consumed == piece.size(), "a head takes all there is");
    if (fed->is_complete) begin_message(at_ + fed->consumed);
    return fed->consumed;
  }

  void begin_message(std::size_t body_begin) {
    const ResponseHead& head = parser_.head();
    const auto framing = response_framing(head, methods_[num_final_]);
    if (!framing) return void(refuse(framing.error()));
    if (head.status() == 101) {
      return void(refuse({.code = ErrorCode::kBadResponse, .side = ErrorSide::kUpstream, .what = "101"}));
    }
    if (head.status() >= 200) {
      ++num_final_;
      is_keep_alive_ =
          framing->kind != BodyKind::kUntilClose && is_keep_alive(head.headers(), head.version());
    }
    current_.append(std::to_string(head.status()));
    for (const HeaderField& field : head.headers()) {
      current_.append("\n").append(field.name).append("=").append(field.value);
    }
    current_.append("\n").append(std::to_string(body_begin)).append("\n");
    decoder_.start(*framing, ErrorCode::kBadResponse, 0);
    is_in_body_ = true;
  }

  std::size_t take_body(std::string_view piece) {
    const auto step = decoder_.next(piece);
    if (!step) return refuse(step.error());
    require(step->consumed <= piece.size() && (step->consumed > 0 || step->is_end), "goes on");
    body_.append(piece.substr(step->piece_offset, step->piece_size));
    return step->consumed;
  }

  void end_message() {
    messages_ += std::exchange(current_, {});
    messages_ += std::exchange(body_, {}) + "\n" + std::to_string(at_) + "\n";
    ++num_complete;
    is_in_body_ = false;
    parser_.reset();
    if (!is_keep_alive_) tail = StrictTail::kClosed;
  }

  const std::vector<std::string>& methods_;
  ResponseParser parser_;
  BodyDecoder decoder_;
  std::size_t at_ = 0;
  std::size_t num_final_ = 0;
  bool is_in_body_ = false;
  bool is_keep_alive_ = true;
  std::string messages_, current_, body_;
};

std::string text_of(const StrictStream& stream) {
  std::string out;
  for (const StrictMessage& message : stream.messages) {
    if (!message.has_head) continue;
    out.append(std::to_string(message.status)).append(describe(message.fields)).append("\n");
    out.append(std::to_string(message.body_begin)).append("\n").append(message.body);
    if (message.is_complete) out.append("\n").append(std::to_string(message.end)).append("\n");
  }
  return out;
}

void check_against_strict(std::string_view text, const std::vector<std::string>& methods, StrictEnd end,
                          const Reader& reader) {
  const StrictStream strict = read_responses(text, methods, end, kLimits);
  require(reader.num_complete == strict.num_complete(), "as many responses");
  if (strict.tail == StrictTail::kOpen && reader.tail == StrictTail::kRefused) {
    return require(is_hopeless_response(text, methods, kLimits), "refused early, and rightly");
  }
  require(reader.tail == strict.tail, "ends alike");
  if (reader.tail != StrictTail::kRefused) require_equal(reader.text(), text_of(strict), "same responses");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 3) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size_bytes - 3);
  std::vector<std::string> methods;
  for (std::size_t i = 0; i < kNumRequests; ++i) methods.push_back((data[2] >> i) & 1 ? "HEAD" : "GET");
  const StrictEnd end = data[2] & 0x80 ? StrictEnd::kClosed : StrictEnd::kOpen;
  Reader whole(methods), cut(methods), bytewise(methods);
  whole.feed(text);
  Cuts cuts(data[0] * 256u + data[1]);
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view piece = rest.substr(0, cuts.next());
    cut.feed(piece);
    rest.remove_prefix(piece.size());
  }
  for (const char& byte : text) bytewise.feed({&byte, 1});
  for (Reader* reader : {&whole, &cut, &bytewise}) {
    if (end == StrictEnd::kClosed) reader->end_input();
    require(reader->tail == whole.tail && reader->num_complete == whole.num_complete, "cuts change nothing");
    require_equal(reader->why, whole.why, "cuts do not change why");
    require_equal(reader->text(), whole.text(), "cuts do not change what is read");
  }
  check_against_strict(text, methods, end, whole);
  return 0;
}
