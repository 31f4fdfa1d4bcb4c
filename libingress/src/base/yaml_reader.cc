#include "base/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <istream>
#include <optional>
#include <streambuf>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/document.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "base/yaml_scalar.h"

namespace ingress::base {
namespace {

constexpr const char* kWhat = "invalid YAML";
constexpr std::string_view kCoreTag = "tag:yaml.org,2002:";

// Ends the parser from within an event; never leaves this file.
struct Stop {};

// Hands the text to yaml-cpp and ends it when too much is read between two events: yaml-cpp tokenises
// a flow collection to its end before its first event, at up to 230 bytes of memory per byte of text.
class MeteredText : public std::streambuf {
 public:
  MeteredText(std::string_view text, std::size_t max_run_bytes)
      : rest_(text), max_run_bytes_(max_run_bytes) {}
  void on_event() { run_bytes_ = 0; }
  bool is_over_cap() const { return is_over_cap_; }

 protected:
  int_type underflow() override {
    if (run_bytes_ > max_run_bytes_) is_over_cap_ = true;
    if (is_over_cap_ || rest_.empty()) return traits_type::eof();
    const std::size_t size = std::min<std::size_t>(rest_.size(), 4096);
    char* bytes = const_cast<char*>(rest_.data());  // setg() takes no const; nothing is put back
    setg(bytes, bytes, bytes + size);
    rest_.remove_prefix(size);
    run_bytes_ += size;
    return traits_type::to_int_type(*bytes);
  }

 private:
  std::string_view rest_;
  std::size_t max_run_bytes_;
  std::size_t run_bytes_ = 0;
  bool is_over_cap_ = false;
};

// What copying a value costs.
struct Weight {
  std::size_t num_nodes = 1;
  std::size_t num_bytes = 0;
  std::size_t depth = 0;  // levels of containers

  void add(const Weight& child) {
    num_nodes += child.num_nodes;
    num_bytes += child.num_bytes;
    depth = std::max(depth, child.depth);
  }
};

Weight weigh(const Value& value) {
  Weight sum;
  if (const auto* text = value.as_string()) sum.num_bytes = text->size();
  if (const auto* items = value.as_array()) {
    for (const Value& item : *items) sum.add(weigh(item));
    ++sum.depth;
  }
  if (const auto* members = value.as_object()) {
    for (const auto& [key, member] : *members) {
      sum.add(weigh(member));
      sum.num_bytes += key.size();
    }
    ++sum.depth;
  }
  return sum;
}

// Builds Values from yaml-cpp's events.
class YamlBuilder : public YAML::EventHandler {
 public:
  YamlBuilder(std::string_view text, MeteredText& meter, const DocumentLimits& limits)
      : text_(text), meter_(meter), limits_(limits) {}
  std::vector<Value> take_documents() { return std::move(documents_); }
  Error take_error() { return std::move(error_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    meter_.on_event();
    if (++num_documents_ > limits_.max_documents) stop_at_cap(mark, limits_.max_documents, " documents");
    check_document_start(mark);
    anchors_.clear();
    root_ = Value();
  }
  void OnDocumentEnd() override {
    if (!root_.is_null()) documents_.push_back(std::move(root_));
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    begin_node(mark);
    if (is_key_next()) stop(mark, "a key without a name");
    end_node(mark, anchor, Value());
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    begin_node(mark);
    if (!is_key_next()) {
      end_node(mark, anchor, resolve(mark, tag, text));
      return;
    }
    if (anchor != YAML::NullAnchor) stop(mark, "an anchor on a key");
    if (tag == "?" && text == "<<") stop(mark, "merge keys are not supported");
    if (tag != "?" && tag != "!" && tag != std::string(kCoreTag) + "str") stop(mark, "a tag on a key");
    frames_.back().key = text;
    frames_.back().has_key = true;
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    begin_node(mark);
    if (is_key_next()) stop(mark, "an alias as key");
    const auto found = anchors_.find(anchor);
    // yaml-cpp knows the name, so what is missing is the end of the node.
    if (found == anchors_.end()) stop(mark, "an alias inside of its own anchor");
    if (frames_.size() + found->second.weight.depth > limits_.max_depth) {
      stop_at_cap(mark, limits_.max_depth, " levels");
    }
    charge_copy(mark, found->second.weight);
    num_nodes_ += found->second.weight.num_nodes - 1;
    if (num_nodes_ > limits_.max_nodes) stop_at_cap(mark, limits_.max_nodes, " values");
    end_node(mark, YAML::NullAnchor, Value(found->second.value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin_container(mark, tag, "seq", anchor, Value(Value::Array()));
  }
  void OnSequenceEnd() override { end_container(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin_container(mark, tag, "map", anchor, Value(Value::Object()));
  }
  void OnMapEnd() override {
    if (const auto* twin = find_repeated_key(*frames_.back().container.as_object())) {
      error_ = parse_error(kWhat, twin->second.line(), "repeated key \"" + twin->first + "\"");
      throw Stop();
    }
    end_container();
  }

 private:
  struct Frame {
    Value container;
    YAML::Mark mark;
    YAML::anchor_t anchor;
    std::string key;
    bool has_key = false;
  };
  struct Anchored {
    Value value;
    Weight weight;
  };

  static std::uint32_t line_of(const YAML::Mark& mark) { return static_cast<std::uint32_t>(mark.line + 1); }
  [[noreturn]] void stop(const YAML::Mark& mark, std::string_view why) {
    error_ = parse_error(kWhat, line_of(mark), why);
    throw Stop();
  }
  [[noreturn]] void stop_at_cap(const YAML::Mark& mark, std::size_t cap, std::string_view unit) {
    error_ = cap_error(line_of(mark), "more than " + std::to_string(cap) + std::string(unit));
    throw Stop();
  }

  bool is_key_next() const {
    return !frames_.empty() && frames_.back().container.as_object() && !frames_.back().has_key;
  }
  void begin_node(const YAML::Mark& mark) {
    meter_.on_event();
    if (is_key_next()) return;
    if (++num_nodes_ > limits_.max_nodes) stop_at_cap(mark, limits_.max_nodes, " values");
  }
  void begin_container(const YAML::Mark& mark, const std::string& tag, std::string_view name,
                       YAML::anchor_t anchor, Value container) {
    begin_node(mark);
    if (is_key_next()) stop(mark, "a key that is no scalar");
    if (tag != "?" && tag != "!" && tag != std::string(kCoreTag).append(name))
      stop(mark, "unknown tag " + tag);
    if (frames_.size() >= limits_.max_depth) stop_at_cap(mark, limits_.max_depth, " levels");
    frames_.push_back({std::move(container), mark, anchor, {}, false});
  }
  void end_container() {
    Frame done = std::move(frames_.back());
    frames_.pop_back();
    end_node(done.mark, done.anchor, std::move(done.container));
  }
  void end_node(const YAML::Mark& mark, YAML::anchor_t anchor, Value value) {
    meter_.on_event();
    value.set_line(line_of(mark));
    if (anchor != YAML::NullAnchor) {
      const Weight weight = weigh(value);
      charge_copy(mark, weight);
      anchors_.insert_or_assign(anchor, Anchored{value, weight});
    }
    if (frames_.empty()) {
      root_ = std::move(value);
    } else if (auto* items = frames_.back().container.as_array()) {
      items->push_back(std::move(value));
    } else {
      frames_.back().container.as_object()->emplace_back(std::move(frames_.back().key), std::move(value));
      frames_.back().has_key = false;
    }
  }
  // Copies kept for anchors and copies made for aliases draw on one account, in nodes and in bytes: a
  // few aliases of one long string are as costly as many of short ones.
  void charge_copy(const YAML::Mark& mark, const Weight& weight) {
    copied_.add(weight);
    if (copied_.num_nodes > limits_.max_alias_nodes) {
      stop_at_cap(mark, limits_.max_alias_nodes, " values by anchors and aliases");
    }
    if (copied_.num_bytes > limits_.max_bytes) {
      stop_at_cap(mark, limits_.max_bytes, " bytes by anchors and aliases");
    }
  }

  Value resolve(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    if (tag == "?") return resolve_plain_scalar(text);
    if (tag == "!") return Value(text);
    const std::string_view name =
        tag.starts_with(kCoreTag) ? std::string_view(tag).substr(kCoreTag.size()) : std::string_view();
    if (name == "str") return Value(text);
    Value value = resolve_plain_scalar(text);
    if (name == "float" && value.as_int()) return Value(static_cast<double>(*value.as_int()));
    const bool is_named = (name == "null" && value.is_null()) || (name == "bool" && value.as_bool()) ||
                          (name == "int" && value.as_int()) || (name == "float" && value.as_double());
    if (!is_named) stop(mark, "unknown tag, or a value that is not of its tag: " + tag);
    return value;
  }

  // A document after the first must begin with "---" or follow a "..." line (YAML 1.2.2 section 9.2).
  // yaml-cpp takes tokens left over behind a root as the next document, and for a token it cannot place
  // (a lone comma) does so for ever.
  void check_document_start(const YAML::Mark& mark) {
    const std::size_t line = static_cast<std::size_t>(std::max(mark.line, 0));
    bool is_open = num_documents_ == 1;
    while (line_ < line && !text_.empty()) {
      if (text_.starts_with("...")) is_open = true;
      text_.remove_prefix(std::min(text_.find('\n'), text_.size() - 1) + 1);
      ++line_;
    }
    const bool is_marked = mark.column == 0 && text_.starts_with("---");
    if ((!is_open && !is_marked) || mark.pos <= last_start_)
      stop(mark, "text behind the end of the document");
    last_start_ = mark.pos;
  }

  std::string_view text_;  // from line_ on
  std::size_t line_ = 0;
  int last_start_ = -1;
  MeteredText& meter_;
  const DocumentLimits& limits_;
  std::size_t num_documents_ = 0;
  std::size_t num_nodes_ = 0;
  Weight copied_{.num_nodes = 0};
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Anchored> anchors_;
  Value root_;
  std::vector<Value> documents_;
  Error error_;
};

// The first line with a character YAML forbids (1.2.2 section 5.1), 0 when there is none. yaml-cpp would
// take U+0004 for the end of the text, and null bytes for UTF-16.
std::uint32_t find_unprintable(std::string_view text) {
  std::uint32_t line = 1;
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    const bool is_control = byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r');
    if (length == 0 || is_control) return line;
    if (byte == '\n') ++line;
    text.remove_prefix(length);
  }
  return 0;
}

std::expected<std::vector<Value>, Error> parse(std::string_view text, const DocumentLimits& limits) {
  MeteredText meter(text, limits.max_run_bytes);
  YamlBuilder builder(text, meter, limits);
  std::optional<Error> error;
  try {
    std::istream in(&meter);
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    error = builder.take_error();
  } catch (const YAML::Exception& thrown) {
    error = parse_error(kWhat, static_cast<std::uint32_t>(thrown.mark.line + 1), thrown.msg);
  } catch (const std::exception& thrown) {
    error = parse_error(kWhat, 0, thrown.what());
  }
  if (meter.is_over_cap()) {
    return std::unexpected(cap_error(0, "a scalar or a collection in brackets of more than " +
                                            std::to_string(limits.max_run_bytes) + " bytes"));
  }
  if (error) return std::unexpected(std::move(*error));
  return builder.take_documents();
}

}  // namespace

std::expected<std::vector<Value>, Error> read_yaml(std::string_view text, const DocumentLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return std::unexpected(cap_error(0, "more than " + std::to_string(limits.max_bytes) + " bytes"));
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  if (const std::uint32_t line = find_unprintable(text)) {
    return std::unexpected(parse_error(kWhat, line, "not UTF-8, or a control character"));
  }
  // JSON is YAML too, reads fifty times faster this way and without the cap on runs. What JSON refuses
  // is still tried as YAML.
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && (text[first] == '{' || text[first] == '[')) {
    auto json = read_json(text, limits);
    if (json) {
      std::vector<Value> documents;
      documents.push_back(std::move(*json));
      return documents;
    }
    if (json.error().code == ErrorCode::kTooLarge) return std::unexpected(std::move(json.error()));
  }
  return parse(text, limits);
}

}  // namespace ingress::base
