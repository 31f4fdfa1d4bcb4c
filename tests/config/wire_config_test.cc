#include <doctest/doctest.h>

#include <random>
#include <string>

#include "config/random_config.h"
#include "ingress/wire.h"

using namespace ingress;
using test::RandomConfig;

namespace {

constexpr WireKey kKey{0x0123456789abcdef, 0xfedcba9876543210};

ConfigDelta read(const std::string& delta) {
  if (delta.empty()) return {};
  auto decoded = delta_from_wire(delta);
  REQUIRE(decoded);
  REQUIRE(to_wire(*decoded) == delta);
  return std::move(*decoded);
}

}  // namespace

TEST_CASE("AConfigHeldByPartsIsTheSameAsTheWhole") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    RandomConfig random(seed, 0);
    GatewayConfig config = random.make();
    WireConfig held;
    CHECK(read(held.replace(config)) == diff({}, config));
    CHECK(held.replace(random.shuffled(config)).empty());
    for (int step = 0; step < 5; ++step) {
      // changed() adds parts of the same names each time.
      const GatewayConfig next = step % 2 == 0 ? random.changed(config) : random.make();
      const ConfigDelta delta = diff(config, next);
      CHECK(read(step < 3 ? held.apply(delta) : held.replace(next)) == delta);
      CAPTURE(step);
      REQUIRE(held.to_wire() == to_wire(next));
      REQUIRE(held.config() == test::sorted(next));
      CHECK(held.apply(delta).empty());
      config = next;
    }
  }
}

TEST_CASE("OnlyWhatChangesIsInTheChange") {
  WireConfig held;
  const Route route{.name = "r", .rules = {{.reply = FixedReply{.status = 404}}}};
  const Route other{.name = "r", .rules = {{.reply = FixedReply{.status = 503}}}};
  held.replace({.routes = {route}});
  CHECK(held.apply({.upsert_routes = {route}, .remove_routes = {"absent"}}).empty());
  CHECK(held.apply({.upsert_routes = {route}, .remove_routes = {"r"}}).empty());
  CHECK(read(held.apply({.upsert_routes = {other, route, other}})) == ConfigDelta{.upsert_routes = {other}});
  CHECK(read(held.apply({.remove_routes = {"r", "r"}})) == ConfigDelta{.remove_routes = {"r"}});
  CHECK(held.num_parts() == 0);
}

TEST_CASE("AnInventoryTellsWhatIsMissing") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    RandomConfig random(seed, 0);
    const GatewayConfig theirs = random.make();
    const GatewayConfig ours = seed % 3 == 0 ? RandomConfig(seed + 1, 0).make() : random.changed(theirs);
    WireConfig has, wants;
    has.replace(theirs);
    wants.replace(ours);
    const auto difference = wants.difference(has.inventory(kKey), kKey);
    REQUIRE(difference);
    REQUIRE(read(*difference) == diff(theirs, ours));
    const auto nothing = wants.difference(wants.inventory(kKey), kKey);
    REQUIRE(nothing);
    CHECK(nothing->empty());
    // Under another key every digest is another.
    const auto all = has.difference(has.inventory({1, 2}), kKey);
    REQUIRE(all);
    CHECK(read(*all) == diff({}, theirs));
  }
}

TEST_CASE("DamagedInventoriesAreRefused") {
  WireConfig held;
  held.replace(RandomConfig(1, 0).make());
  const std::string inventory = held.inventory(kKey);
  for (std::size_t size = 0; size < inventory.size(); ++size) {
    REQUIRE_FALSE(held.difference(std::string_view(inventory).substr(0, size), kKey));
  }
  CHECK_FALSE(held.difference(inventory + "x", kKey));
  CHECK_FALSE(held.difference(held.to_wire(), kKey));
  std::minstd_rand random(1);
  for (int i = 0; i < 2000; ++i) {  // whatever comes of it is a change, and no crash
    std::string damaged = inventory;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto difference = held.difference(damaged, kKey);
    if (difference && !difference->empty()) CHECK(delta_from_wire(*difference));
  }
}
