// Follows one response after the other through the bytes of a connection: status, and where the body ends by
// Content-Length. It reads what the servers of this bench send and calls anything else bad; it is no parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

class ResponseReader {
 public:
  enum class State { kHead, kBody, kDone, kBad };

  // Takes the next bytes of the response. kDone and kBad last until reset(). Bytes behind the end of the
  // response are bad too: nothing was asked that they could answer.
  State take(std::string_view data);

  // The same for `bytes` of body that nobody looked at.
  State skip_body(std::uint64_t bytes);

  void reset();

  State state() const { return state_; }
  bool has_begun() const { return state_ != State::kHead || !head_.empty(); }
  std::uint64_t body_left() const { return body_left_; }

  // Of the head, once the state is kBody or kDone.
  int status() const { return status_; }
  std::uint64_t content_length() const { return content_length_; }
  bool is_last() const { return is_last_; }

 private:
  State read_head(std::string_view head);

  State state_ = State::kHead;
  std::string head_;  // bytes of a head that is not whole yet
  int status_ = 0;
  std::uint64_t content_length_ = 0;
  std::uint64_t body_left_ = 0;
  bool is_last_ = false;
};

}  // namespace bench
