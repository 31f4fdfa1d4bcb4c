// The way to a field ("routes[3].rules[0].backends[1].cluster"), as a chain on the stack: it becomes
// text only when there is a problem, so that checking a good configuration builds no strings.
// Lifetime: a child points to its parent and views its name; both must outlive it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ingress::config {

class FieldPath {
 public:
  FieldPath() = default;                               // the whole configuration
  FieldPath(std::string_view name) : name_(name) {}    // NOLINT(google-explicit-constructor)
  FieldPath(const char* name) : name_(name) {}         // NOLINT(google-explicit-constructor)
  FieldPath(const std::string& name) : name_(name) {}  // NOLINT(google-explicit-constructor)
  FieldPath(std::string_view name, std::size_t index) : name_(name), index_(index) {}

  FieldPath at(std::string_view name) const { return FieldPath(this, name, kNoIndex); }
  FieldPath at(std::string_view name, std::size_t index) const { return FieldPath(this, name, index); }

  std::string text() const {
    std::string out = parent_ ? parent_->text() : std::string();
    if (!out.empty() && !name_.empty()) out += '.';
    out += name_;
    if (index_ != kNoIndex) out += '[' + std::to_string(index_) + ']';
    return out;
  }

 private:
  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);
  FieldPath(const FieldPath* parent, std::string_view name, std::size_t index)
      : parent_(parent), name_(name), index_(index) {}

  const FieldPath* parent_ = nullptr;
  std::string_view name_ = {};
  std::size_t index_ = kNoIndex;
};

}  // namespace ingress::config
