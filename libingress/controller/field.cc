#include "controller/field.h"

#include "controller/syntax.h"

namespace ingress::controller {
namespace {

// Keys become part of paths that people read: plain ones as they are, others quoted and cut.
std::string child_path(const std::string& path, std::string_view key) {
  const bool is_plain =
      key.size() <= 63 &&
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
          std::string_view::npos;
  if (!is_plain || key.empty()) return path + '[' + quoted(key) + ']';
  return path.empty() ? std::string(key) : path + '.' + std::string(key);
}

}  // namespace

bool Field::require() const {
  if (is_set()) return true;
  report("is missing", "set it");
  return false;
}

Field Field::member(std::string_view key) const {
  return {*context_, value_ == nullptr ? nullptr : value_->find(key), child_path(path_, key)};
}

bool Field::object() const {
  if (!is_set() || value_->as_object() != nullptr) return true;
  report_type("an object");
  return false;
}

std::optional<std::vector<std::pair<std::string, Field>>> Field::members() const {
  if (!object()) return std::nullopt;
  std::vector<std::pair<std::string, Field>> out;
  if (!is_set()) return out;
  for (const auto& [key, value] : *value_->as_object())
    out.emplace_back(key, Field(*context_, &value, child_path(path_, key)));
  return out;
}

std::optional<std::vector<Field>> Field::elements(std::size_t max_elements) const {
  std::vector<Field> out;
  if (!is_set()) return out;
  const auto* list = value_->as_array();
  if (list == nullptr) {
    report_type("a list");
    return std::nullopt;
  }
  if (list->size() > max_elements) {
    report("has " + std::to_string(list->size()) + " elements, more than " + std::to_string(max_elements),
           "split the object");
    return std::nullopt;
  }
  out.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i)
    out.emplace_back(*context_, &(*list)[i], path_ + '[' + std::to_string(i) + ']');
  return out;
}

std::optional<std::string> Field::text(std::size_t max_bytes) const {
  if (!is_set()) return std::nullopt;
  const std::string* text = value_->as_string();
  if (text == nullptr) {
    report_type("a string");
    return std::nullopt;
  }
  if (text->size() > max_bytes) {
    report("is longer than " + std::to_string(max_bytes) + " bytes", "shorten it");
    return std::nullopt;
  }
  return *text;
}

std::optional<std::string> Field::text_or_empty(std::size_t max_bytes) const {
  return is_set() ? text(max_bytes) : std::optional<std::string>(std::in_place);
}

std::optional<std::int64_t> Field::integer(std::int64_t min, std::int64_t max) const {
  if (!is_set()) return std::nullopt;
  const std::int64_t* number = value_->as_int();
  if (number == nullptr) {
    report_type("an integer");
    return std::nullopt;
  }
  if (*number < min || *number > max) {
    report(
        "is " + std::to_string(*number) + ", outside " + std::to_string(min) + " to " + std::to_string(max),
        "use a number in that range");
    return std::nullopt;
  }
  return *number;
}

std::optional<bool> Field::boolean() const {
  if (!is_set()) return std::nullopt;
  const bool* flag = value_->as_bool();
  if (flag == nullptr) {
    report_type("true or false");
    return std::nullopt;
  }
  return *flag;
}

void Field::report(std::string why, std::string fix) const {
  if (value_ != nullptr && value_->line() > 0) why += " (line " + std::to_string(value_->line()) + ')';
  context_->problems.add({.source = context_->source,
                          .object = context_->object,
                          .field = context_->path_prefix + path_,
                          .why = std::move(why),
                          .fix = std::move(fix)});
}

void Field::report_type(std::string_view wanted) const {
  std::string why = "is of type ";
  why += base::to_string(value_->type());
  why += ", not ";
  why += wanted;
  const bool is_plain_scalar =
      wanted == "a string" && value_->as_object() == nullptr && value_->as_array() == nullptr;
  report(std::move(why), is_plain_scalar ? "put it in quotes" : "write " + std::string(wanted));
}

}  // namespace ingress::controller
