// One level of a JSON text taken apart without reading what is below: the raw text of each member of an
// object, or of each element of a list. So a list of any length is read one element at a time.
//
// It finds where pieces end and checks nothing else: of a valid text it gives the pieces, of any other it
// gives pieces that read_json() refuses, or ends with is_complete() false. It never reads outside of the
// text, which outlives it, and is linear in it.
#pragma once

#include <cstddef>
#include <string_view>

namespace ingress::base {

class JsonSplitter {
 public:
  struct Piece {
    std::string_view key;    // of an object's member, without quotes
    std::string_view value;  // raw
  };
  explicit JsonSplitter(std::string_view text);

  // False when there are no more, or the text is malformed. A key with an escape counts as malformed.
  bool next(Piece& piece);
  // Whether the text ended where it should, once next() has returned false.
  bool is_complete() const { return state_ == State::kEnd; }
  bool is_object() const { return close_ == '}'; }

 private:
  enum class State : unsigned char { kFirst, kNext, kEnd, kBroken };
  bool stop(State state);
  void skip_space();
  bool skip_string();
  bool skip_brackets();
  bool skip_value();
  bool read_key(Piece& piece);
  bool is_at(char c) const { return at_ < text_.size() && text_[at_] == c; }

  std::string_view text_;
  std::size_t at_ = 0;
  char close_ = 0;
  State state_ = State::kBroken;
};

}  // namespace ingress::base
