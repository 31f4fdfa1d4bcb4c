// Holds docs/config.md and docs/config.schema.json to the field tables. After a change of the tables,
// run the test with INGRESS_UPDATE_DOCS=1 in the environment: it writes both anew.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "config/bounds.h"
#include "config/file_form.h"
#include "config/random_config.h"
#include "config/validate.h"
#include "ingress/config.h"

using namespace ingress;
using namespace ingress::config;

namespace {

const std::string kReferencePath = INGRESS_SOURCE_DIR "/docs/config.md";
const std::string kSchemaPath = INGRESS_SOURCE_DIR "/docs/config.schema.json";
constexpr std::string_view kBegin = "<!-- fields: generated, see tests/config/docs_test.cc -->\n";
constexpr std::string_view kEnd = "<!-- end of fields -->\n";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

bool is_update() {
  return std::getenv("INGRESS_UPDATE_DOCS") != nullptr;
}

// The Markdown tables of all types, each once, in the order in which they are met.
class ReferenceWriter {
 public:
  std::string text() {
    write_types_below<GatewayConfig>();
    return out_.str();
  }

 private:
  template <class M>
  static std::string type_text() {
    if constexpr (Described<M>) {
      const std::string name(type_info(static_cast<const M*>(nullptr)).name);
      return "[" + name + "](#" + name + ")";
    } else if constexpr (kIsList<M>) {
      return "list of " + type_text<typename M::value_type>();
    } else if constexpr (kIsOptional<M>) {
      return type_text<typename M::value_type>();
    } else if constexpr (std::is_enum_v<M>) {
      std::string names;
      for (const auto& row : enum_table(M{}))
        names += (names.empty() ? "`" : ", `") + std::string(row.name) + "`";
      return names;
    } else {
      return kIsInteger<M> ? "integer" : "string";
    }
  }

  template <class M>
  static std::string range_text(const FieldInfo& info) {
    switch (measure_of(static_cast<const M*>(nullptr))) {
      case Measure::kItems:
        return info.max == 0 ? "" : "at most " + std::to_string(info.max);
      case Measure::kBytes:
        return info.max == 0 ? ""
                             : (info.min == 0 ? "at most " : std::to_string(info.min) + " to ") +
                                   std::to_string(info.max) + " bytes";
      case Measure::kNumber:
      case Measure::kMilliseconds:
      case Measure::kSeconds:
        if (info.max != 0) return std::to_string(info.min) + " to " + std::to_string(info.max);
        if constexpr (std::is_same_v<M, std::uint16_t>) return "0 to 65535";
        return "";
      case Measure::kEnumerator:
      case Measure::kNone:
        break;
    }
    return "";
  }

  template <class M>
  static std::string default_text(const FieldInfo& info, const M& value) {
    if (info.presence == Presence::kRequired) return "required";
    if constexpr (std::is_enum_v<M>) {
      for (const auto& row : enum_table(value)) {
        if (row.value == value) return "`" + std::string(row.name) + "`";
      }
    } else if constexpr (kIsInteger<M>) {
      return "`" + std::to_string(measured(value)) + "`";
    } else if constexpr (std::is_same_v<M, std::string>) {
      return value.empty() ? "empty" : "`" + value + "`";
    } else if constexpr (kIsList<M>) {
      return "empty";
    } else if constexpr (kIsOptional<M>) {
      return "unset";
    }
    return "defaults";
  }

  template <Described T>
  void write_type() {
    const TypeInfo type = type_info(static_cast<const T*>(nullptr));
    out_ << "### " << type.name << "\n\n" << type.doc << ".\n\n";
    out_ << "| field | type | default | range | meaning |\n|---|---|---|---|---|\n";
    if constexpr (std::is_same_v<T, GatewayConfig>) {
      out_ << "| `version` | integer | required | " << kFileVersion << " | of this form |\n";
    }
    describe(
        [&]<class M>(const FieldInfo& info, M T::* member) {
          out_ << "| `" << info.name << "` | " << type_text<M>() << " | "
               << default_text(info, defaults<T>().*member) << " | " << range_text<M>(info) << " | "
               << info.doc;
          if constexpr (std::is_enum_v<M>) {
            for (const auto& row : enum_table(M{})) out_ << "; `" << row.name << "`: " << row.doc;
          }
          out_ << " |\n";
        },
        static_cast<const T*>(nullptr));
    out_ << "\n";
  }

  template <class M>
  void write_types_below() {
    if constexpr (kIsList<M> || kIsOptional<M>) {
      write_types_below<typename M::value_type>();
    } else if constexpr (Described<M>) {
      if (!written_.insert(type_info(static_cast<const M*>(nullptr)).name).second) return;
      write_type<M>();
      describe([&]<class N>(const FieldInfo&, N M::*) { write_types_below<N>(); },
               static_cast<const M*>(nullptr));
    }
  }

  std::ostringstream out_;
  std::set<std::string_view> written_;
};

// What stands between each line "```<language>" and "```".
std::vector<std::string> fenced(const std::string& text, const std::string& language) {
  const std::string fence = "```" + language + "\n";
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = text.find(fence, at)) != std::string::npos;) {
    at += fence.size();
    out.push_back(text.substr(at, text.find("```", at) - at));
  }
  return out;
}

}  // namespace

TEST_CASE("TheReferenceListsTheFieldTables") {
  std::string page = read_file(kReferencePath);
  const std::size_t begin = page.find(kBegin), end = page.find(kEnd);
  REQUIRE(begin != std::string::npos);
  REQUIRE(end != std::string::npos);
  const std::size_t from = begin + kBegin.size();
  const std::string wanted = "\n" + ReferenceWriter().text();
  if (is_update()) write_file(kReferencePath, page.replace(from, end - from, wanted));
  CHECK(page.substr(from, page.find(kEnd) - from) == wanted);
}

TEST_CASE("TheSchemaFileIsTheSchema") {
  if (is_update()) write_file(kSchemaPath, config_schema());
  CHECK(read_file(kSchemaPath) == config_schema());
}

TEST_CASE("TheExamplesOfTheReferenceAreGoodConfigs") {
  const std::string page = read_file(kReferencePath);
  const auto check = [](const std::vector<std::string>& examples, ConfigFormat format) {
    REQUIRE_FALSE(examples.empty());
    for (const std::string& example : examples) {
      CAPTURE(example);
      const auto config = parse_config(example, format);
      if (!config) FAIL(test::text_of(config.error()));
      const auto problems = validate(*config);
      CAPTURE(test::text_of(problems));
      CHECK(problems.empty());
    }
  };
  check(fenced(page, "yaml"), ConfigFormat::kYaml);
  check(fenced(page, "json"), ConfigFormat::kJson);
  check(fenced(read_file(INGRESS_SOURCE_DIR "/docs/layer4.md"), "yaml"), ConfigFormat::kYaml);
}

TEST_CASE("TheExamplesUseEveryTopLevelList") {
  GatewayConfig all;
  for (const std::string& example : fenced(read_file(kReferencePath), "yaml")) {
    const auto config = parse_config(example, ConfigFormat::kYaml);
    REQUIRE(config);
    apply(all, diff({}, *config));
  }
  CHECK_FALSE(all.listeners.empty());
  CHECK_FALSE(all.clusters.empty());
  CHECK_FALSE(all.routes.empty());
  CHECK_FALSE(all.certificates.empty());
  CHECK_FALSE(all.tls_policies.empty());
  CHECK_FALSE(all.udp_listeners.empty());
  CHECK_FALSE(all.stream_routes.empty());
}
