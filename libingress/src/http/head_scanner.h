// Finds the lines and fields of an HTTP/1.x head or trailer section, byte by strict byte.
//
// For: refusing a broken head at its first wrong byte, however it is cut into fragments, and knowing
// where it ends before anybody else looks at it. Each byte is looked at once, 16 at a time where it may.
// Owner: a parser. Thread: its owner's. No I/O, no copy: results are offsets into the head.
// Caller: feeds the bytes in order and keeps them; offsets count from the head's first byte, empty
// lines before it left out.
// Always true: the outcome does not depend on where the input was cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "ingress/error.h"
#include "ingress/message.h"

namespace ingress::http {

enum class SectionKind : std::uint8_t { kRequestHead, kResponseHead, kTrailers };

struct ScanLimits {
  std::size_t section_bytes = 0;  // kHeadTooLarge
  std::size_t max_fields = 0;     // kHeadTooLarge
  std::size_t line_bytes = 0;     // request line without its end; kUriTooLong
};

// One field line "name: value". White space behind the value is still inside [value, value_end).
struct FieldSpan {
  std::uint32_t name = 0;
  std::uint32_t name_end = 0;
  std::uint32_t value = 0;
  std::uint32_t value_end = 0;
};

struct StartLine {
  std::uint32_t method_end = 0;  // the method starts at 0; 0 = not complete
  std::uint32_t target = 0;
  std::uint32_t target_end = 0;  // 0 = not complete
  std::uint32_t reason = 0;
  std::uint32_t reason_end = 0;
  std::uint16_t status = 0;
  HttpVersion version = HttpVersion::kHttp11;

  bool operator==(const StartLine&) const = default;
};

class HeadScanner {
 public:
  enum class Outcome : std::uint8_t { kMore, kDone, kRefused };
  struct Step {
    Outcome outcome = Outcome::kMore;
    std::size_t skipped = 0;  // empty lines at the front
    std::size_t taken = 0;    // bytes of the section behind them; of a refused one, those that were right
  };

  // Forgets everything but capacity.
  void start(SectionKind kind, ScanLimits limits);
  // Counts for a section that has not started yet; later ones are for the next.
  void set_limits(ScanLimits limits);
  Step scan(std::string_view bytes);
  // Gives the memory back.
  void release() { fields_ = std::vector<FieldSpan>(); }

  bool has_started() const { return offset_ > 0; }
  // As has_started(), empty lines at the front counted.
  bool has_begun() const { return offset_ > 0 || num_empty_lines_ > 0; }
  const StartLine& start_line() const { return line_; }
  const std::vector<FieldSpan>& fields() const { return fields_; }
  // Why it was refused. A request's codes; whoever scans something else puts its own.
  ErrorCode code() const { return code_; }
  const char* what() const { return what_; }

 private:
  enum class State : std::uint8_t {
    kEmptyLine,  // before a request line
    kEmptyLineLf,
    kMethod,
    kTarget,
    kVersion,
    kStatus,
    kReason,
    kStartLf,
    kFieldStart,
    kName,
    kValueStart,
    kValue,
    kValueLf,
    kEndLf,
    kDone,
    kRefused,
  };

  // Each takes what it can of [p, end) and returns where it stopped: at `end`, at the byte that starts
  // another's state, or at the byte it refuses.
  const char* skip_empty_lines(const char* p, const char* end);
  const char* scan_start_line(const char* p, const char* end);
  const char* scan_method(const char* p, const char* end);
  const char* scan_target(const char* p, const char* end);
  const char* scan_version(const char* p, const char* end);
  const char* scan_status(const char* p, const char* end);
  const char* scan_fields(const char* p, const char* end);
  const char* scan_name(const char* p, const char* end);
  const char* scan_value(const char* p, const char* end);
  bool is_in_start_line() const { return state_ >= State::kMethod && state_ <= State::kStartLf; }
  std::size_t offset_of(const char* p) const { return offset_ + static_cast<std::size_t>(p - begin_); }
  std::uint32_t offset32_of(const char* p) const { return static_cast<std::uint32_t>(offset_of(p)); }
  const char* refuse(const char* p, const char* what, ErrorCode code = ErrorCode::kBadRequest);
  const char* refuse_byte(const char* p, const char* otherwise);

  State state_ = State::kDone;
  SectionKind kind_ = SectionKind::kRequestHead;
  ErrorCode code_ = ErrorCode::kBadRequest;
  std::uint8_t num_empty_lines_ = 0;
  std::uint8_t matched_ = 0;  // bytes of the version or digits of the status seen
  char major_ = 0;
  char minor_ = 0;
  const char* what_ = "";
  const char* begin_ = nullptr;  // where offset_ is, during scan()
  std::size_t offset_ = 0;       // bytes of the section taken
  ScanLimits limits_;
  StartLine line_;
  FieldSpan field_;
  std::vector<FieldSpan> fields_;
};

}  // namespace ingress::http
