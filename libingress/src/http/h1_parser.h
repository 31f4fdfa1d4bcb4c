// HTTP/1.x heads: fragments in, one validated head out. llhttp behind our own stricter check.
//
// Owner: a connection. Thread: its worker's. No I/O.
// Caller: feeds bytes in order until the head is complete, takes body bytes to BodyDecoder, calls
// reset() before the next message of the connection.
// Always true: after an error no more bytes are taken (the error is sticky until reset()).
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include "http/uri.h"
#include "ingress/error.h"
#include "ingress/message.h"

namespace ingress::http {

struct HeadLimits {
  std::uint32_t head_bytes = 64 * 1024;          // kHeadTooLarge
  std::uint32_t max_headers = 100;               // kHeadTooLarge
  std::uint32_t request_line_bytes = 16 * 1024;  // kUriTooLong; requests only
};

struct FeedResult {
  std::size_t consumed = 0;  // bytes taken of what was fed
  bool is_complete = false;
};

// Parses request heads. Refused, beyond llhttp: bare CR or LF anywhere in the head, control characters
// in values, white space before a colon, obs-fold, names that are no token, other than exactly one Host
// in HTTP/1.1 (more than one in 1.0), bad Host, versions other than 1.0 and 1.1, CONNECT, targets that
// parse_target() refuses, methods with lower-case letters (a backend may take "head" for HEAD and send no
// body where we wait for one). Any other token is a method. Up to 2 empty lines before the request line
// are skipped (RFC 9112 2.2). A broken head is refused at its first wrong byte, whatever is still to come.
// `what` = "bad_request_line", "bad_version", "bad_target", "bad_path", "ambiguous_path", "bad_host",
// "missing_host", "two_hosts", "bad_header_name", "space_before_colon", "obs_fold", "bare_cr", "bare_lf",
// "control_character", "uri_too_long", "head_too_large", "too_many_headers", "connect", "authority_form",
// those of request_framing() where llhttp minds the length, "parsers_disagree" where it minds anything else.
class RequestParser {
 public:
  explicit RequestParser(HeadLimits limits, PathOptions paths = {});
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  std::expected<FeedResult, Error> feed(std::string_view bytes);
  // True once a byte of a head (empty lines before it not counted) has been taken.
  bool has_started() const;
  // The head; complete after feed() said so. Its views live until reset() or release().
  RequestHead& head() { return head_; }
  // What stood in the request line, for the access log when the head was refused; may be empty.
  std::string_view raw_method() const;
  std::string_view raw_target() const;
  // Ready for the next message; memory is kept.
  void reset();
  // As reset(), and gives the memory back: for connections that go idle.
  void release();
  // Both count from the next head on that has not started.
  void set_limits(HeadLimits limits) { limits_ = limits; }
  void set_paths(PathOptions paths) { paths_ = paths; }

 private:
  struct Impl;
  HeadLimits limits_;
  PathOptions paths_;
  RequestHead head_;
  std::unique_ptr<Impl> impl_;
};

// Parses response heads, 1xx included: each is a head of its own; call reset() and go on. Refused as
// above (error kBadResponse), also with "bad_status_line" and "bad_status"; status must be 100 to 599,
// version 1.0 or 1.1, nothing may stand before the status line.
class ResponseParser {
 public:
  explicit ResponseParser(HeadLimits limits);
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  std::expected<FeedResult, Error> feed(std::string_view bytes);
  bool has_started() const;
  ResponseHead& head() { return head_; }
  void reset();
  void release();
  void set_limits(HeadLimits limits) { limits_ = limits; }

 private:
  struct Impl;
  HeadLimits limits_;
  ResponseHead head_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingress::http
