// A document read from JSON or YAML: the common form that all readers of objects and configs use.
//
// Plain values, no I/O. Every node knows its line (1-based; 0 when the format does not tell), so that
// a problem can say where. Keys keep their order; a repeated key is an error of the reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace ingress::base {

class Value {
 public:
  using Array = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Object = std::vector<Member>;
  enum class Type : std::uint8_t { kNull, kBool, kInt, kDouble, kString, kArray, kObject };

  Value() = default;
  explicit Value(bool v) : data_(v) {}
  explicit Value(std::int64_t v) : data_(v) {}
  explicit Value(double v) : data_(v) {}
  explicit Value(std::string v) : data_(std::move(v)) {}
  explicit Value(Array v) : data_(std::move(v)) {}
  explicit Value(Object v) : data_(std::move(v)) {}

  Type type() const { return static_cast<Type>(data_.index()); }
  bool is_null() const { return type() == Type::kNull; }
  // Null when the value is of another type.
  const bool* as_bool() const { return std::get_if<bool>(&data_); }
  const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&data_); }
  const double* as_double() const { return std::get_if<double>(&data_); }
  const std::string* as_string() const { return std::get_if<std::string>(&data_); }
  const Array* as_array() const { return std::get_if<Array>(&data_); }
  const Object* as_object() const { return std::get_if<Object>(&data_); }
  Array* as_array() { return std::get_if<Array>(&data_); }
  Object* as_object() { return std::get_if<Object>(&data_); }
  // The member of that name, null when absent or when this is no object. Linear in members.
  const Value* find(std::string_view key) const;

  std::uint32_t line() const { return line_; }
  void set_line(std::uint32_t line) { line_ = line; }
  // Compares content; lines do not matter.
  friend bool operator==(const Value& a, const Value& b) { return a.data_ == b.data_; }

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> data_;
  std::uint32_t line_ = 0;
};

// "null", "bool", "integer", "number", "string", "list", "object": for error texts.
std::string_view to_string(Value::Type type);

// Caps on a document; a breach is kTooLarge and reads nothing.
struct DocumentLimits {
  std::size_t max_bytes = 8 * 1024 * 1024;
  std::size_t max_depth = 64;
  std::size_t max_nodes = 1'000'000;     // after alias expansion
  std::size_t max_alias_nodes = 10'000;  // copies made for YAML anchors and aliases
  std::size_t max_documents = 10'000;
  // YAML text between two values: one scalar, or one collection in brackets that is no JSON document.
  std::size_t max_run_bytes = 1024 * 1024;
};

}  // namespace ingress::base
