#include "base/json_splitter.h"

namespace ingress::base {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

JsonSplitter::JsonSplitter(std::string_view text) : text_(text) {
  skip_space();
  if (is_at('{')) {
    close_ = '}';
  } else if (is_at('[')) {
    close_ = ']';
  } else {
    return;
  }
  ++at_;
  state_ = State::kFirst;
}

bool JsonSplitter::stop(State state) {
  state_ = state;
  return false;
}

bool JsonSplitter::next(Piece& piece) {
  if (state_ != State::kFirst && state_ != State::kNext) return false;
  skip_space();
  if (is_at(close_)) {
    ++at_;
    skip_space();
    return stop(at_ == text_.size() ? State::kEnd : State::kBroken);
  }
  if (state_ == State::kNext) {
    if (!is_at(',')) return stop(State::kBroken);
    ++at_;
    skip_space();
  }
  piece.key = {};
  if (close_ == '}' && !read_key(piece)) return stop(State::kBroken);
  const std::size_t begin = at_;
  if (!skip_value()) return stop(State::kBroken);
  piece.value = text_.substr(begin, at_ - begin);
  state_ = State::kNext;
  return true;
}

bool JsonSplitter::read_key(Piece& piece) {
  const std::size_t begin = at_ + 1;
  if (!is_at('"') || !skip_string()) return false;
  piece.key = text_.substr(begin, at_ - begin - 1);
  if (piece.key.find('\\') != std::string_view::npos) return false;
  skip_space();
  if (!is_at(':')) return false;
  ++at_;
  skip_space();
  return true;
}

void JsonSplitter::skip_space() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

bool JsonSplitter::skip_value() {
  if (at_ >= text_.size()) return false;
  const char first = text_[at_];
  if (first == '"') return skip_string();
  if (first == '{' || first == '[') return skip_brackets();
  const std::size_t begin = at_;
  while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != ',' && text_[at_] != '}' &&
         text_[at_] != ']')
    ++at_;
  return at_ > begin;
}

// From the quote that opens it to behind the one that closes it.
bool JsonSplitter::skip_string() {
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '"') {
      ++at_;
      return true;
    }
    if (text_[at_] == '\\') ++at_;
  }
  at_ = text_.size();
  return false;
}

// Brackets of both kinds count alike: that they match is for who reads the piece.
bool JsonSplitter::skip_brackets() {
  std::size_t depth = 0;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      if (!skip_string()) return false;
      continue;
    }
    ++at_;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return true;
  }
  return false;
}

}  // namespace ingress::base
