#include "base/pattern.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace ingress::base {
namespace {

constexpr std::size_t kPatternBytes = 256 * 1024;
constexpr std::size_t kMaxSetBytes = 4 * 1024 * 1024;

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

RE2::Options options(std::size_t max_bytes) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);                     // nothing is taken out of a match, and groups cost
  options.set_encoding(RE2::Options::EncodingLatin1);  // bytes: headers and paths need not be UTF-8
  options.set_max_mem(static_cast<std::int64_t>(max_bytes));
  return options;
}

std::string fault_of(const RE2& compiled) {
  if (!compiled.ok()) return "is no regular expression of RE2: " + compiled.error();
  if (compiled.ProgramSize() > Pattern::kMaxProgramSize) {
    return "needs " + std::to_string(compiled.ProgramSize()) + " instructions of RE2 where " +
           std::to_string(Pattern::kMaxProgramSize) + " are allowed";
  }
  return {};
}

}  // namespace

std::string pattern_fault(std::string_view pattern) {
  if (pattern.size() > Pattern::kMaxBytes) {
    return "has " + std::to_string(pattern.size()) + " bytes where " + std::to_string(Pattern::kMaxBytes) +
           " are allowed";
  }
  return fault_of(RE2(piece(pattern), options(kPatternBytes)));
}

struct Pattern::Impl {
  explicit Impl(std::string_view pattern) : compiled(piece(pattern), options(kPatternBytes)) {}
  RE2 compiled;
};

std::unique_ptr<const Pattern> Pattern::compile(std::string_view pattern) {
  if (pattern.size() > kMaxBytes) return nullptr;
  auto impl = std::make_unique<Impl>(pattern);
  if (!fault_of(impl->compiled).empty()) return nullptr;
  return std::unique_ptr<const Pattern>(new Pattern(std::move(impl)));
}

Pattern::Pattern(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pattern::~Pattern() = default;

bool Pattern::matches(std::string_view text) const {
  return RE2::FullMatch(piece(text), impl_->compiled);
}

std::size_t Pattern::charge_bytes() const {
  return kPatternBytes;
}

// Patterns that share a program. One that needs more than its memory becomes two of half as many; a pattern
// alone is matched by RE2 itself, which always answers.
struct PatternSet::Part {
  explicit Part(std::size_t bytes) : set(options(bytes), RE2::ANCHOR_BOTH) {}

  RE2::Set set;
  std::vector<int> index_in_patterns;  // by index in `set`
  std::unique_ptr<const Pattern> only;
};

PatternSet::PatternSet(std::span<const std::string_view> patterns) {
  texts_.reserve(patterns.size());
  std::vector<int> usable;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    texts_.emplace_back(patterns[i]);
    if (pattern_fault(patterns[i]).empty()) usable.push_back(static_cast<int>(i));
  }
  if (!usable.empty()) add_parts(usable);
}

PatternSet::~PatternSet() = default;

void PatternSet::add_parts(std::span<const int> indexes) {
  const std::size_t max_bytes = std::min(kPatternBytes * indexes.size(), kMaxSetBytes);
  auto part = std::make_unique<Part>(max_bytes);
  bool is_usable = true;
  for (const int index : indexes) {
    is_usable = is_usable && part->set.Add(piece(texts_[static_cast<std::size_t>(index)]), nullptr) >= 0;
    part->index_in_patterns.push_back(index);
  }
  if (!is_usable || !part->set.Compile()) {
    add_halves(indexes);
    return;
  }
  charge_bytes_ += max_bytes;
  parts_.push_back(std::move(part));
}

void PatternSet::add_halves(std::span<const int> indexes) {
  if (indexes.size() > 1) {
    add_parts(indexes.first(indexes.size() / 2));
    add_parts(indexes.subspan(indexes.size() / 2));
    return;
  }
  auto part = std::make_unique<Part>(kPatternBytes);
  part->index_in_patterns.assign(indexes.begin(), indexes.end());
  part->only = Pattern::compile(texts_[static_cast<std::size_t>(indexes.front())]);
  charge_bytes_ += kPatternBytes;
  parts_.push_back(std::move(part));
}

void PatternSet::match(std::string_view text, std::vector<int>& found) {
  found.clear();
  for (std::size_t i = 0; i < parts_.size();) {
    if (match_part(*parts_[i], text, found)) {
      ++i;
      continue;
    }
    // Its states do not fit, which RE2 leaves possible for a program that fits: from now on it is two, which
    // come behind all others.
    const std::unique_ptr<Part> part = std::move(parts_[i]);
    parts_.erase(parts_.begin() + static_cast<std::ptrdiff_t>(i));
    add_halves(part->index_in_patterns);
  }
}

bool PatternSet::match_part(const Part& part, std::string_view text, std::vector<int>& found) {
  if (part.only) {
    if (part.only->matches(text)) found.push_back(part.index_in_patterns.front());
    return true;
  }
  RE2::Set::ErrorInfo error{RE2::Set::kNoError};
  std::vector<int>& in_part = scratch_;
  in_part.clear();
  if (!part.set.Match(piece(text), &in_part, &error)) return error.kind == RE2::Set::kNoError;
  for (const int index : in_part) found.push_back(part.index_in_patterns[static_cast<std::size_t>(index)]);
  return true;
}

}  // namespace ingress::base
