#include "ingress/wire.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <typeindex>
#include <utility>

#include "config/file_form.h"
#include "config/random_config.h"

using namespace ingress;
using test::RandomConfig;

namespace wire_test {

// Stands for a value of any type where none is made.
struct Any {
  template <class T>
  operator T() const;
};

}  // namespace wire_test

namespace {

using wire_test::Any;

// How many members an aggregate has: as many as it can be made from at most.
template <class T, class... Values>
constexpr std::size_t num_members() {
  if constexpr (requires { T{Values()..., Any()}; }) {
    return num_members<T, Values..., Any>();
  } else {
    return sizeof...(Values);
  }
}

std::set<std::type_index> checked_types;

// That the table of `M`, and those of what is in it, name every member.
template <class M>
void check_tables() {
  if constexpr (config::kIsList<M> || config::kIsOptional<M>) {
    check_tables<typename M::value_type>();
  } else if constexpr (config::Described<M>) {
    if (!checked_types.insert(typeid(M)).second) return;
    std::size_t num_fields = 0;
    config::describe(
        [&]<class F>(const config::FieldInfo&, F M::*) {
          ++num_fields;
          check_tables<F>();
        },
        static_cast<const M*>(nullptr));
    CAPTURE(config::type_info(static_cast<const M*>(nullptr)).name);
    CHECK(num_fields == num_members<M>());
  }
}

// Calls change(text) for each string in `value`, of which change() makes another.
template <class M, class Change>
void for_each_text(M& value, const Change& change) {
  if constexpr (config::kIsList<M>) {
    for (auto& item : value) for_each_text(item, change);
  } else if constexpr (config::kIsOptional<M>) {
    if (value) for_each_text(*value, change);
  } else if constexpr (config::Described<M>) {
    config::describe([&](const config::FieldInfo&, auto member) { for_each_text(value.*member, change); },
                     static_cast<const M*>(nullptr));
  } else if constexpr (std::is_same_v<M, SecretText>) {
    change(value.text);
  } else if constexpr (std::is_same_v<M, std::string>) {
    change(value);
  }
}

std::string all_bytes() {
  std::string text(256, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i);
  return text;
}

GatewayConfig decoded(const std::string& bytes) {
  auto config = config_from_wire(bytes);
  REQUIRE(config);
  return std::move(*config);
}

}  // namespace

TEST_CASE("EveryMemberOfTheConfigurationHasItsRowInTheTables") {
  static_assert(num_members<Problem>() == 6, "to_wire() and problems_from_wire() write them by hand");
  static_assert(num_members<ConfigDelta>() == 2 * num_members<GatewayConfig>());
  check_tables<GatewayConfig>();
  CHECK(checked_types.size() > 30);
}

TEST_CASE("ConfigsSurviveTheWireWithTheirKeys") {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    const GatewayConfig config = RandomConfig(seed, 0).make();
    const std::string bytes = to_wire(config);
    REQUIRE(decoded(bytes) == test::sorted(config));
    REQUIRE(to_wire(decoded(bytes)) == bytes);
  }
}

TEST_CASE("EqualConfigsGiveEqualWireFormsWhateverTheirOrder") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    RandomConfig random(seed, 5);  // repeated names included
    const GatewayConfig config = random.make();
    REQUIRE(to_wire(config) == to_wire(random.shuffled(config)));
  }
}

TEST_CASE("DeltasSurviveTheWire") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    RandomConfig random(seed, 0);
    const GatewayConfig before = random.make();
    const ConfigDelta delta = diff(before, random.changed(before));
    const auto read = delta_from_wire(to_wire(delta));
    REQUIRE(read);
    REQUIRE(*read == delta);
  }
}

TEST_CASE("EveryTextMayHaveEveryByteAndChangesTheBytesAlone") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const GatewayConfig config = test::sorted(RandomConfig(seed, 0).make());
    std::size_t num_texts = 0;
    GatewayConfig counted = config;
    for_each_text(counted, [&](std::string&) { ++num_texts; });
    for (std::size_t i = 0; i < num_texts; i += 1 + num_texts / 200) {
      CAPTURE(seed);
      CAPTURE(i);
      GatewayConfig changed = config;
      std::size_t at = 0;
      for_each_text(changed, [&](std::string& text) {
        if (at++ == i) text += all_bytes();
      });
      const GatewayConfig read = decoded(to_wire(changed));
      REQUIRE(test::sorted(read) == test::sorted(changed));
      REQUIRE(to_wire(changed) != to_wire(config));
    }
  }
}

TEST_CASE("ProblemsSurviveTheWire") {
  const std::vector<Problem> problems = {{},
                                         {.severity = Severity::kWarning,
                                          .source = "a.yaml",
                                          .object = {"Ingress", "shop", all_bytes()},
                                          .field = "spec.rules[0]",
                                          .why = std::string(100'000, 'x'),
                                          .fix = std::string("\0", 1)}};
  const auto read = problems_from_wire(to_wire(problems));
  REQUIRE(read);
  CHECK(*read == problems);
}

TEST_CASE("WhatIsCutOrDamagedIsRefusedAndNeverAnotherFormOfTheSame") {
  RandomConfig random(3, 0);
  const GatewayConfig config = random.make();
  const std::string whole = to_wire(config);
  const std::string delta = to_wire(diff(config, random.changed(config)));
  const std::string problems = to_wire(validate(RandomConfig(1, 50).make()));
  REQUIRE(problems.size() > 50);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    REQUIRE_FALSE(config_from_wire(std::string_view(whole).substr(0, size)));
  }
  for (std::size_t size = 0; size < delta.size(); ++size) {
    REQUIRE_FALSE(delta_from_wire(std::string_view(delta).substr(0, size)));
  }
  CHECK_FALSE(config_from_wire(whole + '\0'));
  CHECK_FALSE(config_from_wire(delta));
  CHECK_FALSE(delta_from_wire(whole));
  CHECK_FALSE(problems_from_wire(whole));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x81);
    const auto read = config_from_wire(damaged);
    if (read) REQUIRE(to_wire(*read) == damaged);
  }
}

TEST_CASE("CountsAndLengthsBeyondTheBytesLeftAllocateNothing") {
  const std::string head = to_wire(GatewayConfig{}).substr(0, 9);
  REQUIRE(config_from_wire(head + std::string(7, '\0')));
  const std::string huge = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  CHECK_FALSE(config_from_wire(head + huge + std::string(7, '\0')));
  CHECK_FALSE(config_from_wire(head + "\x01" + huge + std::string(7, '\0')));
  CHECK_FALSE(config_from_wire(head + std::string("\x80\x00", 2) + std::string(6, '\0')));
}

TEST_CASE("OtherVersionsAreNamedAsSuch") {
  std::string bytes = to_wire(GatewayConfig{});
  bytes[4] = static_cast<char>(bytes[4] + 1);
  const auto read = config_from_wire(bytes);
  REQUIRE_FALSE(read);
  CHECK(std::string_view(read.error().what) == "is in the wire form of another version of this program");
  CHECK_FALSE(config_from_wire("{}"));
  CHECK_FALSE(config_from_wire(""));
}
