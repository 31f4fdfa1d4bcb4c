// A place in an object being read: the value there, its path, and where problems with it go.
//
// Readers ask a Field for a typed value; what is missing, mistyped or out of bounds is reported with the
// exact path and answered with nothing. Values are never shown in problems unless a reader does so itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "controller/problem_list.h"

namespace ingress::controller {

// Who is being read. Outlives the Fields made from it.
struct ReadContext {
  ProblemList& problems;
  std::string source;
  Origin object;
  std::string path_prefix;  // "document[1]." while the object has no usable name
};

class Field {
 public:
  Field(const ReadContext& context, const base::Value* value, std::string path)
      : context_(&context), value_(value), path_(std::move(path)) {}

  // Kubernetes treats null like an absent field.
  bool is_set() const { return value_ != nullptr && !value_->is_null(); }
  // is_set(), or a problem.
  bool require() const;
  // The member, unset when absent; for a value that is no object, see object().
  Field member(std::string_view key) const;
  // Whether the value is an object (a problem otherwise); unset counts as one without members.
  bool object() const;
  // The members of an object with text values, null counting as "": annotations, labels, data.
  std::optional<std::vector<std::pair<std::string, Field>>> members() const;
  // The elements of a list; none when unset; nothing (and a problem) when it is no list or too long.
  std::optional<std::vector<Field>> elements(std::size_t max_elements) const;

  // Nothing when unset or, with a problem, when the value is of another type or out of bounds.
  std::optional<std::string> text(std::size_t max_bytes) const;
  std::optional<std::int64_t> integer(std::int64_t min, std::int64_t max) const;
  std::optional<bool> boolean() const;
  // Text, null counting as "".
  std::optional<std::string> text_or_empty(std::size_t max_bytes) const;

  const base::Value* value() const { return value_; }
  const std::string& path() const { return path_; }
  void report(std::string why, std::string fix) const;

 private:
  void report_type(std::string_view wanted) const;

  const ReadContext* context_;
  const base::Value* value_;
  std::string path_;
};

}  // namespace ingress::controller
