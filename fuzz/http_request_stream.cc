// All bytes that a client sends on one connection: several requests, their bodies, and what is wrong with
// them. The first two bytes say how the rest is cut.
//
// Asserted: cuts change nothing; what is read, to where, and what is refused is what the strict reader says,
// a refusal before the end of a head or of a line included; nothing behind a refusal or a last request is
// read.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "http/body_decoder.h"
#include "http/framing.h"
#include "http/h1_parser.h"
#include "support/require.h"
#include "support/strict_http.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::fuzzing;

namespace {

// Small, so that inputs reach all of them.
constexpr StrictLimits kLimits = {
    .line_bytes = 200, .head_bytes = 800, .max_fields = 12, .body_bytes = 3000, .trailer_bytes = 300};

std::string describe_fields(const Headers& headers) {
  std::string out;
  for (const HeaderField& field : headers) {
    out.append("\n").append(field.name).append("=").append(field.value);
  }
  return out;
}

// Reads as DownstreamH1 does, without a connection around it.
class Reader {
 public:
  Reader()
      : parser_({.head_bytes = static_cast<std::uint32_t>(kLimits.head_bytes),
                 .max_headers = static_cast<std::uint32_t>(kLimits.max_fields),
                 .request_line_bytes = static_cast<std::uint32_t>(kLimits.line_bytes)},
                PathOptions{Slashes::kKeep, Ambiguous::kKeep}) {}

  void feed(std::string_view piece) {
    while (!piece.empty() && tail == StrictTail::kOpen) {
      const std::size_t taken = is_in_body_ ? take_body(piece) : take_head(piece);
      at_ += taken;
      piece.remove_prefix(taken);
      if (is_in_body_ && decoder_.is_end()) end_message();
    }
  }
  // Complete messages, then what there is of the last one.
  std::string text() const { return messages_ + current_ + body_; }

  StrictTail tail = StrictTail::kOpen;
  std::string why;
  std::size_t num_complete = 0;
  std::vector<std::string> trailers;

 private:
  std::size_t refuse(const Error& error) {
    require(error.what != std::string_view("parsers_disagree"), "llhttp reads it as we do");
    require(error.side == ErrorSide::kDownstream, "the client's mistake");
    tail = StrictTail::kRefused;
    why = error.what;
    return 0;
  }

  std::size_t take_head(std::string_view piece) {
    // A copy of its own, so that a view into fed bytes shows as a use after free.
    const std::string copy(piece);
    const auto fed = parser_.feed(copy);
    if (!fed) return refuse(fed.error());
    require(fed->is_complete || fed->consumed == piece.size(), "a head takes all there is");
    if (fed->is_complete) begin_message(at_ + fed->consumed);
    return fed->consumed;
  }

  void begin_message(std::size_t body_begin) {
    const RequestHead& head = parser_.head();
    const auto framing = request_framing(head);
    const auto expects = expects_continue(head);
    if (!framing || !expects) return void(refuse(framing ? expects.error() : framing.error()));
    if (framing->length > kLimits.body_bytes) return void(refuse({.side = ErrorSide::kDownstream}));
    is_keep_alive_ = is_keep_alive(head.headers(), head.version());
    current_.append(head.method()).append(" ").append(head.path());
    if (head.has_query()) current_.append("?").append(head.query());
    current_.append(" ").append(head.host()).append(" ").append(std::to_string(head.port()));
    current_.append(" ").append(head.authority()).append(describe_fields(head.headers()));
    current_.append("\n").append(std::to_string(body_begin)).append("\n");
    decoder_.start(*framing, ErrorCode::kBadRequest, kLimits.body_bytes, kLimits.trailer_bytes);
    is_in_body_ = true;
  }

  std::size_t take_body(std::string_view piece) {
    const auto step = decoder_.next(piece);
    if (!step) return refuse(step.error());
    require(step->piece_offset + step->piece_size <= step->consumed && step->consumed <= piece.size(),
            "a piece lies in what was fed");
    require(step->consumed > 0 || step->is_end, "goes on");
    body_.append(piece.substr(step->piece_offset, step->piece_size));
    require(decoder_.body_bytes() == body_.size(), "counts the body");
    return step->consumed;
  }

  void end_message() {
    messages_ += std::exchange(current_, {});
    messages_ += std::exchange(body_, {}) + "\n" + std::to_string(at_) + "\n";
    trailers.push_back(describe_fields(decoder_.trailers()));
    ++num_complete;
    is_in_body_ = false;
    parser_.reset();
    if (!is_keep_alive_) tail = StrictTail::kClosed;
  }

  RequestParser parser_;
  BodyDecoder decoder_;
  std::size_t at_ = 0;
  bool is_in_body_ = false;
  bool is_keep_alive_ = true;
  std::string messages_, current_, body_;
};

std::string text_of(const StrictStream& stream, bool with_incomplete) {
  std::string out;
  for (const StrictMessage& message : stream.messages) {
    if (!message.is_complete && (!with_incomplete || !message.has_head)) continue;
    const StrictTarget& target = message.target;
    out.append(message.method).append(" ").append(target.path);
    if (target.query) out.append("?").append(*target.query);
    out.append(" ").append(target.host).append(" ").append(std::to_string(target.port));
    out.append(" ").append(target.authority).append(describe(message.fields)).append("\n");
    out.append(std::to_string(message.body_begin)).append("\n").append(message.body);
    if (message.is_complete) out.append("\n").append(std::to_string(message.end)).append("\n");
  }
  return out;
}

// What is left of the trailers: nothing that was not sent, in its order, and nothing of consequence.
void check_trailers(const std::string& kept, const std::vector<StrictField>& sent) {
  std::size_t at = 0;
  for (const StrictField& field : sent) {
    const std::string line = describe({field});
    const bool is_next = std::string_view(kept).substr(at).starts_with(line);
    const char* const never[] = {"content-length", "transfer-encoding", "host", "connection",
                                 "authorization",  "x-forwarded-for",   "te",   "cookie"};
    for (const char* name : never) {
      require(!is_next || !equals_without_case(field.name, name), "no such field in trailers");
    }
    if (is_next) at += line.size();
  }
  require(at == kept.size(), "trailers are some of those sent");
}

void check_against_strict(std::string_view text, const Reader& reader) {
  const StrictStream strict = read_requests(text, kLimits);
  require(reader.num_complete == strict.num_complete(), "as many requests");
  for (std::size_t i = 0; i < reader.num_complete; ++i) {
    check_trailers(reader.trailers[i], strict.messages[i].trailers);
  }
  if (strict.tail == StrictTail::kOpen && reader.tail == StrictTail::kRefused) {
    return require(is_hopeless_request(text, kLimits), "refused early, and rightly");
  }
  require(reader.tail == strict.tail, "ends alike");
  if (reader.tail != StrictTail::kRefused)
    require_equal(reader.text(), text_of(strict, true), "same requests");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size_bytes - 2);
  Reader whole, cut, bytewise;
  whole.feed(text);
  Cuts cuts(data[0] * 256u + data[1]);
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view piece = rest.substr(0, cuts.next());
    cut.feed(piece);
    rest.remove_prefix(piece.size());
  }
  for (const char& byte : text) bytewise.feed({&byte, 1});
  for (const Reader* other : {&cut, &bytewise}) {
    require(other->tail == whole.tail && other->num_complete == whole.num_complete, "cuts change nothing");
    require_equal(other->why, whole.why, "cuts do not change why");
    require_equal(other->text(), whole.text(), "cuts do not change what is read");
  }
  check_against_strict(text, whole);
  return 0;
}
