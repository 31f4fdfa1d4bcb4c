#include "base/pattern.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
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

struct PatternSet::Impl {
  explicit Impl(std::size_t bytes) : max_bytes(bytes), set(options(bytes), RE2::ANCHOR_BOTH) {}

  std::size_t max_bytes;
  RE2::Set set;
  std::vector<int> index_in_patterns;  // by index in `set`
  std::vector<std::string> texts;      // by index in the patterns; empty: faulty, or the empty pattern
  bool is_compiled = false;
};

PatternSet::PatternSet(std::span<const std::string_view> patterns)
    : impl_(std::make_unique<Impl>(
          std::min(kPatternBytes * std::max<std::size_t>(patterns.size(), 1), kMaxSetBytes))) {
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    impl_->texts.emplace_back();
    if (!pattern_fault(patterns[i]).empty() || impl_->set.Add(piece(patterns[i]), nullptr) < 0) continue;
    impl_->texts.back() = patterns[i];
    impl_->index_in_patterns.push_back(static_cast<int>(i));
  }
  // Too many patterns for one program: they are tried one by one.
  impl_->is_compiled = impl_->set.Compile();
}

PatternSet::~PatternSet() = default;

void PatternSet::match(std::string_view text, std::vector<int>& found) const {
  found.clear();
  RE2::Set::ErrorInfo error{RE2::Set::kNoError};
  if (impl_->is_compiled) {
    if (impl_->set.Match(piece(text), &found, &error)) {
      for (int& index : found) index = impl_->index_in_patterns[static_cast<std::size_t>(index)];
      return;
    }
    if (error.kind == RE2::Set::kNoError) return;
    found.clear();
  }
  for (const int index : impl_->index_in_patterns) {
    const std::string& pattern = impl_->texts[static_cast<std::size_t>(index)];
    if (RE2::FullMatch(piece(text), RE2(piece(pattern), options(kPatternBytes)))) found.push_back(index);
  }
}

std::size_t PatternSet::charge_bytes() const {
  return impl_->max_bytes;
}

}  // namespace ingress::base
