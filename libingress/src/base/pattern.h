// Regular expressions of strangers: RE2, which is linear in the text whatever the pattern, behind caps.
//
// A pattern matches a whole text, byte by byte, case-sensitive unless it says otherwise ("(?i)").
// Owner: whoever compiled it. Thread: one. RE2 itself would allow more, but takes a lock on the states that
// it has found so far: threads that match at once compile their own.
// Memory: the program and the states found so far, together at most charge_bytes().
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ingress::base {

// Empty when `pattern` can be used, else what is wrong with it, to follow "which".
std::string pattern_fault(std::string_view pattern);

class Pattern {
 public:
  static constexpr std::size_t kMaxBytes = 1024;  // of its text
  static constexpr int kMaxProgramSize = 2000;    // RE2's instructions

  // Null when pattern_fault() says something.
  static std::unique_ptr<const Pattern> compile(std::string_view pattern);
  ~Pattern();

  bool matches(std::string_view text) const;
  std::size_t charge_bytes() const;

 private:
  struct Impl;
  explicit Pattern(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Several patterns that are looked for in one pass over the text; in more passes when together they need more
// memory than a program may have. What was compiled stays: no text makes a pattern be compiled again and
// again.
class PatternSet {
 public:
  // Patterns with a fault are in the set, and match nothing.
  explicit PatternSet(std::span<const std::string_view> patterns);
  ~PatternSet();

  // Fills `found` with the indexes of all patterns that match `text`, in any order.
  void match(std::string_view text, std::vector<int>& found);
  std::size_t charge_bytes() const { return charge_bytes_; }
  // Programs now: the passes of a match.
  std::size_t num_parts() const { return parts_.size(); }

 private:
  struct Part;
  void add_parts(std::span<const int> indexes);
  void add_halves(std::span<const int> indexes);
  // False when the states of `part` do not fit into its memory.
  bool match_part(const Part& part, std::string_view text, std::vector<int>& found);

  std::vector<std::string> texts_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::vector<int> scratch_;  // what one part found
  std::size_t charge_bytes_ = 0;
};

}  // namespace ingress::base
