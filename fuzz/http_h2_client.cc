// All bytes that a backend sends on one HTTP/2 connection: the frames are the fuzzer's. The first two bytes
// say how the rest is cut and what is done meanwhile, the third what of it may be done. Shares of the time: 2
//
// Asserted: cuts change nothing of what the streams are told; interim heads, one response, its body and one
// end are told in that order, and nothing behind the stream's end; a length that was announced is the length
// of the body; nothing that an HTTP/1.1 client could read as a line of its own is in a head; who says
// "unprocessed" has not answered; a stream may be given up and freed in every event; frames are written in an
// order that the RFC allows; streams are counted rightly and all end, or the connection does.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/framing.h"
#include "support/h2_client_session.h"
#include "support/h2_frames.h"
#include "support/require.h"

using namespace ingress;
using namespace ingress::fuzzing;
using test::H2ClientSession;
using Event = H2ClientSession::Event;

namespace {

// Small, so that inputs reach all of them.
constexpr http::H2ClientLimits kLimits = {.head = {.head_bytes = 900, .max_headers = 10},
                                          .max_streams = 6,
                                          .max_interim_responses = 3,
                                          .stream_window_bytes = 16'384,
                                          .connection_window_bytes = 65'535};
constexpr http::BodyFraming kChunked = {http::BodyKind::kChunked, 0};

enum Choice : std::uint8_t {
  kSendsBodies = 1,
  kSmallWrites = 2,
  kAbandons = 4,
  kResets = 8,
  kBegins = 16,
  kKeepsBack = 32,
  kLeaves = 64,     // GOAWAY or an end at once
  kNoOpening = 128  // the backend's SETTINGS are the fuzzer's too
};

std::string opening(std::uint8_t choices) {
  return (choices & kNoOpening) != 0 ? "" : test::h2_frame(test::kSettings, 0, 0, "");
}

void begin_some(H2ClientSession& session) {
  session.begin("GET");
  session.begin("HEAD");
  H2ClientSession::Stream* const open = session.begin("POST", "/", kChunked);
  session.send(*open, "some");
  H2ClientSession::Stream* const whole = session.begin("POST", "/", {http::BodyKind::kLength, 4});
  session.send(*whole, "body");
  session.end(*whole);
  session.begin("GET");
}

void check_head(H2ClientSession::Stream& stream) {
  const ResponseHead& head = stream.head();
  require(head.status() >= 200 && head.status() <= 599, "a status of a final response");
  require(!head.headers().has(HeaderId::kTransferEncoding) && !head.headers().has(HeaderId::kConnection),
          "no field of a connection");
  for (const HeaderField& field : head.headers()) {
    const auto is_clean = [](std::string_view text) {
      return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
    };
    require(is_clean(field.name) && is_clean(field.value), "a field is one line");
    require(!field.name.empty() && field.name.find_first_of(": \t") == std::string_view::npos,
            "a name is a token");
  }
}

void check_stream(H2ClientSession::Stream& stream) {
  require(!stream.is_out_of_order && stream.num_after_close == 0, "events come in their order");
  require(stream.num_closes <= 1 && stream.is_closed() == (stream.num_closes == 1), "it ends once");
  require(stream.is_response_ended() == (stream.num_ends == 1), "an end is told");
  if (stream.num_closes == 1) {
    require(!stream.how.is_unprocessed || (stream.num_responses == 0 && stream.num_interim == 0),
            "what has been answered was processed");
    require(stream.how.code != 0 || (stream.num_ends == 1 && !stream.how.is_ours), "0 ends a whole response");
  }
  if (stream.num_responses == 0 || stream.is_refused) return;
  check_head(stream);
  if (stream.num_ends == 0) return;
  if (stream.framing.kind == http::BodyKind::kNone) require(stream.body.empty(), "no body is none");
  if (stream.framing.kind == http::BodyKind::kLength)
    require(stream.body.size() == stream.framing.length, "the length is that of the body");
}

void check(H2ClientSession& session) {
  std::uint32_t num_open = 0;
  for (const auto& stream : session.streams) {
    check_stream(*stream);
    num_open += stream->is_closed() ? 0 : 1;
  }
  require(session.client.num_streams() == num_open, "streams are counted");
  require(session.client.max_streams() <= kLimits.max_streams, "no more than ours");
}

// What the streams were told, all input read before anything is written.
std::string read_all(std::string_view input, bool is_cut, std::uint32_t seed, std::uint8_t choices) {
  H2ClientSession session(kLimits);
  begin_some(session);
  session.collect();
  bool is_open = session.feed(opening(choices));
  Cuts cuts(seed);
  while (is_open && !input.empty()) {
    const std::size_t size = is_cut ? std::min(cuts.next(), input.size()) : input.size();
    is_open = session.feed(input.substr(0, size));
    input.remove_prefix(size);
  }
  session.collect();
  check(session);
  return session.text_of_whole();
}

// What we write: whole frames, and for each stream a head first, and nothing of a request behind its end.
class Written {
 public:
  void add(std::string_view bytes) {
    bytes_ += bytes;
    std::string_view rest = bytes_;
    if (!has_begun_ && rest.size() >= test::kH2Preface.size()) {
      require(rest.starts_with(test::kH2Preface), "the preface comes first");
      rest.remove_prefix(test::kH2Preface.size());
      has_begun_ = true;
    }
    if (!has_begun_) return;
    for (const test::H2Frame& frame : test::h2_frames(rest)) {
      take(frame);
      rest.remove_prefix(9 + frame.payload.size());
    }
    bytes_ = std::string(rest);
  }

 private:
  enum class State : std::uint8_t { kIdle, kOpen, kEnded, kReset };
  void take(const test::H2Frame& frame) {
    if (frame.stream == 0) return;
    State& state = states_[frame.stream];
    require(state != State::kReset, "nothing behind a reset");
    switch (frame.type) {
      case test::kHeaders:
        if (state == State::kIdle) {
          require(frame.stream > last_, "numbers grow");
          last_ = frame.stream;
        }
        require(state != State::kEnded, "no head behind the end");
        state = State::kOpen;
        break;
      case test::kData:
        require(state == State::kOpen, "a body stands between a head and its end");
        break;
      case test::kRstStream:
        require(state != State::kIdle, "what has not begun needs no reset");
        state = State::kReset;
        return;
      default:
        require(state != State::kIdle, "nothing before a head");
        return;
    }
    if ((frame.flags & test::kEndStream) != 0) state = State::kEnded;
  }

  std::string bytes_;
  std::map<std::uint32_t, State> states_;
  std::uint32_t last_ = 0;
  bool has_begun_ = false;
};

// A connection at work, with an owner who changes his mind.
class Owner {
 public:
  Owner(std::uint32_t seed, std::uint8_t choices) : choices_(choices), state_(seed) {
    session_.hook = [this](Event event, H2ClientSession::Stream* stream) { on_event(event, stream); };
  }

  void serve(std::string_view input, std::uint32_t seed) {
    begin_some(session_);
    bool is_open = session_.feed(opening(choices_));
    Cuts cuts(seed);
    while (is_open && !input.empty() && !session_.client.is_over()) {
      const std::size_t size = std::min(cuts.next(), input.size());
      is_open = session_.feed(input.substr(0, size));
      input.remove_prefix(size);
      act(nullptr);
      if ((choices_ & kSmallWrites) == 0) {
        write(1 << 20);
      } else if (one_of(3)) {
        write(1 + next() % 50);
      }
      check(session_);
    }
    if (is_open) end_all();
  }

 private:
  std::uint32_t next() { return (state_ = state_ * 1664525u + 1013904223u) >> 8; }
  bool one_of(std::uint32_t number) { return next() % number == 0; }
  bool may(Choice choice) { return (choices_ & choice) != 0 && one_of(4); }
  H2ClientSession::Stream* any() {
    return session_.streams.empty() ? nullptr : session_.streams[next() % session_.streams.size()].get();
  }
  void write(std::size_t budget) {
    written_.add(session_.collect(budget));
    std::vector<http::H2ClientStream*> drained;
    session_.client.take_drained(drained);
    for (http::H2ClientStream* stream : drained) require(!stream->is_closed(), "who has gone is not told of");
  }

  void on_event(Event, H2ClientSession::Stream* stream) {
    if (stream != nullptr) stream->is_kept_back = (choices_ & kKeepsBack) != 0;
    act(stream);
  }

  // `stream`: of the event that this is in.
  void act(H2ClientSession::Stream* stream) {
    if (may(kBegins) && session_.streams.size() < 50) {
      const bool is_free = session_.client.num_streams() < session_.client.max_streams();
      require((session_.begin(one_of(2) ? "GET" : "POST", "/", one_of(2) ? kChunked : http::BodyFraming{}) !=
               nullptr) == is_free,
              "streams begin where there is room");
    }
    H2ClientSession::Stream* const other = any();
    if (other != nullptr && may(kSendsBodies)) {
      session_.send(*other, std::string(next() % 3000, 'x'));
      if (one_of(3)) session_.end(*other);
    }
    H2ClientSession::Stream* const victim = stream != nullptr && one_of(2) ? stream : other;
    if (victim != nullptr && may(kResets)) session_.client.reset(*victim, http::H2Code::kCancel);
    if (may(kLeaves) && one_of(8)) {
      one_of(2) ? session_.client.send_goaway() : session_.client.terminate(http::H2Code::kInternalError);
    }
    if (victim != nullptr && may(kAbandons)) session_.abandon(*victim);
  }

  void end_all() {
    session_.hook = nullptr;
    session_.client.send_goaway();
    write(std::size_t{1} << 24);
    for (const auto& stream : session_.streams) session_.client.reset(*stream, http::H2Code::kCancel);
    write(std::size_t{1} << 24);
    check(session_);
    for (const auto& stream : session_.streams)
      require(stream->is_closed() || session_.client.is_over(), "every stream ends, or all do");
    session_.streams.clear();
    require(session_.pool.live_bytes() == 0, "nothing is kept");
  }

  H2ClientSession session_{kLimits};
  Written written_;
  std::uint8_t choices_;
  std::uint32_t state_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 3) return 0;
  const std::uint32_t seed = data[0] * 256u + data[1];
  const std::uint8_t choices = data[2];
  const std::string_view input(reinterpret_cast<const char*>(data) + 3, size_bytes - 3);
  require_equal(read_all(input, true, seed, choices), read_all(input, false, seed, choices),
                "cuts change nothing");
  Owner(seed, choices).serve(input, seed);
  return 0;
}
