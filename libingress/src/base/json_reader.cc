#include "base/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/document.h"
#include "base/text.h"

namespace ingress::base {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

// `text` in brackets, with the padding simdjson needs. As the one item of a list every value takes the
// same path: simdjson 3.0.1 cuts integers of more than 20 digits when they are the whole document.
simdjson::padded_string bracketed(std::string_view text) {
  simdjson::padded_string out(text.size() + 2);
  if (!out.data()) return out;  // no memory: an empty text, which is refused
  out.data()[0] = '[';
  std::copy(text.begin(), text.end(), out.data() + 1);
  out.data()[text.size() + 1] = ']';
  return out;
}

// One pass over a document by simdjson's on-demand parser, which tells positions. It checks only what is
// visited, so everything is visited; tests compare what it takes with the DOM parser.
class JsonReader {
 public:
  JsonReader(std::string_view text, const DocumentLimits& limits)
      : limits_(limits), text_(bracketed(text)), lines_(text_) {}

  std::expected<Value, Error> read() {
    ondemand::parser parser;
    if (const error_code error = parser.iterate(text_).get(document_))
      return std::unexpected(whole_error(error));
    Value root;
    if (!read_document(root)) return std::unexpected(std::move(error_));
    return root;
  }

 private:
  // The functions below return false once error_ is set.
  bool read_document(Value& out) {
    ondemand::array brackets;
    if (const error_code error = document_.get_array().get(brackets)) return fail(error);
    std::size_t num_values = 0;
    for (auto result : brackets) {
      ondemand::value root;
      if (const error_code error = std::move(result).get(root)) return fail(error);
      if (++num_values > 1) break;
      if (!read_value(root, 1, out)) return false;
    }
    if (num_values == 0) return fail("no value");
    const char* rest = nullptr;
    const bool is_at_end = document_.current_location().get(rest) == simdjson::OUT_OF_BOUNDS;
    return num_values == 1 && is_at_end ? true : fail("text after the end of the value");
  }

  bool read_value(ondemand::value source, std::size_t depth, Value& out) {
    const std::uint32_t line = line_of(source.raw_json_token());
    if (++num_nodes_ > limits_.max_nodes) return fail_cap(line, limits_.max_nodes, " values");
    ondemand::json_type type{};
    if (const error_code error = source.type().get(type)) return fail(error);
    const bool is_container = type == ondemand::json_type::object || type == ondemand::json_type::array;
    if (is_container && depth > limits_.max_depth) return fail_cap(line, limits_.max_depth, " levels");
    const bool is_read = type == ondemand::json_type::object  ? read_object(source, depth, out)
                         : type == ondemand::json_type::array ? read_array(source, depth, out)
                                                              : read_scalar(source, type, out);
    out.set_line(line);
    return is_read;
  }

  bool read_object(ondemand::value& source, std::size_t depth, Value& out) {
    ondemand::object object;
    if (const error_code error = source.get_object().get(object)) return fail(error);
    Value::Object members;
    for (auto result : object) {
      ondemand::field field;
      if (const error_code error = std::move(result).get(field)) return fail(error);
      std::string_view key;
      if (const error_code error = field.unescaped_key().get(key)) return fail(error);
      members.emplace_back(std::string(key), Value());
      if (!read_value(field.value(), depth + 1, members.back().second)) return false;
    }
    if (const Value::Member* twin = find_repeated_key(members)) {
      error_ = parse_error(kWhat, twin->second.line(), "repeated key \"" + twin->first + "\"");
      return false;
    }
    out = Value(std::move(members));
    return true;
  }

  bool read_array(ondemand::value& source, std::size_t depth, Value& out) {
    ondemand::array array;
    if (const error_code error = source.get_array().get(array)) return fail(error);
    Value::Array items;
    for (auto result : array) {
      ondemand::value item;
      if (const error_code error = std::move(result).get(item)) return fail(error);
      items.emplace_back();
      if (!read_value(item, depth + 1, items.back())) return false;
    }
    out = Value(std::move(items));
    return true;
  }

  bool read_scalar(ondemand::value& source, ondemand::json_type type, Value& out) {
    if (type == ondemand::json_type::string) {
      std::string_view text;
      if (const error_code error = source.get_string().get(text)) return fail(error);
      out = Value(std::string(text));
    } else if (type == ondemand::json_type::number) {
      if (!read_number(source, out)) return false;
    } else if (type == ondemand::json_type::boolean) {
      bool boolean = false;
      if (source.get_bool().get(boolean) != simdjson::SUCCESS) return fail("unknown word");
      out = Value(boolean);
    } else {
      bool is_null = false;
      if (source.is_null().get(is_null) != simdjson::SUCCESS || !is_null) return fail("unknown word");
      out = Value();
    }
    return true;
  }

  // Not by get_number(): in simdjson 3.0.1 that reads 9223372036854775808.0 as 0.
  bool read_number(ondemand::value& source, Value& out) {
    ondemand::number_type type{};
    if (const error_code error = source.get_number_type().get(type)) return fail(error);
    if (type == ondemand::number_type::signed_integer) {
      std::int64_t number = 0;
      if (const error_code error = source.get_int64().get(number)) return fail(error);
      out = Value(number);
    } else if (type == ondemand::number_type::unsigned_integer) {
      std::uint64_t number = 0;
      if (const error_code error = source.get_uint64().get(number)) return fail(error);
      out = Value(static_cast<double>(number));
    } else {
      double number = 0;
      if (const error_code error = source.get_double().get(number)) return fail(error);
      out = Value(number);
    }
    return true;
  }

  std::uint32_t line_of(std::string_view token) {
    return lines_.line_at(static_cast<std::size_t>(token.data() - text_.data()));
  }

  bool fail(error_code error) { return fail(simdjson::error_message(error)); }
  bool fail(const char* why) {
    const char* where = nullptr;
    // Not known after the last token, which then is where the text goes wrong.
    const bool is_known = document_.current_location().get(where) == simdjson::SUCCESS;
    const std::size_t offset = is_known ? static_cast<std::size_t>(where - text_.data()) : text_.size();
    error_ = parse_error(kWhat, lines_.line_at(offset), why);
    return false;
  }
  bool fail_cap(std::uint32_t line, std::size_t cap, std::string_view unit) {
    error_ = cap_error(line, "more than " + std::to_string(cap) + std::string(unit));
    return false;
  }
  // An error of the first stage, which looks at the text as a whole.
  Error whole_error(error_code error) {
    std::uint32_t line = 0;
    if (error == simdjson::UTF8_ERROR) {
      const std::string_view text(text_);
      std::size_t at = 0;
      while (const std::size_t length = utf8_sequence_length(text.substr(at))) at += length;
      line = lines_.line_at(at);
    }
    return parse_error(kWhat, line, simdjson::error_message(error));
  }

  static constexpr const char* kWhat = "invalid JSON";
  const DocumentLimits& limits_;
  const simdjson::padded_string text_;
  LineCounter lines_;
  ondemand::document document_;
  std::size_t num_nodes_ = 0;
  Error error_;
};

}  // namespace

std::expected<Value, Error> read_json(std::string_view text, const DocumentLimits& limits) {
  // simdjson counts positions in 32 bits.
  if (text.size() > limits.max_bytes || text.size() > std::numeric_limits<std::uint32_t>::max() / 2) {
    return std::unexpected(cap_error(0, "more than " + std::to_string(limits.max_bytes) + " bytes"));
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark, RFC 8259 section 8.1
  return JsonReader(text, limits).read();
}

}  // namespace ingress::base
