#include <doctest/doctest.h>

#include "config/random_config.h"
#include "ingress/config.h"

using namespace ingress;
using test::RandomConfig;

TEST_CASE("ApplyingADifferenceGivesTheOtherConfig") {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    RandomConfig random(seed, 0);
    const GatewayConfig from = random.make();
    const GatewayConfig to = seed % 2 == 0 ? random.changed(from) : random.make();
    GatewayConfig applied = random.shuffled(from);
    apply(applied, diff(from, to));
    REQUIRE(applied == test::sorted(to));
  }
}

TEST_CASE("EqualConfigsHaveNoDifferenceWhateverTheirOrder") {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    CAPTURE(seed);
    RandomConfig random(seed, 0);
    const GatewayConfig config = random.make();
    REQUIRE(diff(config, config).is_empty());
    REQUIRE(diff(config, random.shuffled(config)).is_empty());
  }
}

TEST_CASE("DifferencesHoldOnlyWhatChanged") {
  GatewayConfig from;
  from.routes = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
  GatewayConfig to = from;
  to.routes = {{.name = "d"}, {.name = "c"}, {.name = "a", .hosts = {"a.example"}}};
  const ConfigDelta delta = diff(from, to);
  CHECK(delta.remove_routes == std::vector<std::string>{"b"});
  REQUIRE(delta.upsert_routes.size() == 2);
  CHECK(delta.upsert_routes[0].name == "a");
  CHECK(delta.upsert_routes[1].name == "d");
  CHECK(delta.upsert_clusters.empty());
  CHECK(delta.upsert_certificates.empty());
}

TEST_CASE("AnotherKeyIsADifference") {
  const GatewayConfig from{.certificates = {{.name = "a", .chain = "c", .key = {"1"}},
                                            {.name = "b", .chain = "c", .key = {"1"}},
                                            {.name = "d", .chain = "c", .key = {"1"}}}};
  GatewayConfig to = from;
  to.certificates[1].key.text = "2";
  to.certificates.pop_back();
  const ConfigDelta delta = diff(from, to);
  CHECK_FALSE(delta.is_empty());
  CHECK(delta.upsert_certificates == std::vector{to.certificates[1]});
  CHECK(delta.remove_certificates == std::vector<std::string>{"d"});
  CHECK_FALSE(ConfigDelta{.remove_certificates = {"d"}}.is_empty());
  CHECK_FALSE(ConfigDelta{.remove_tls_policies = {"d"}}.is_empty());
}

TEST_CASE("RemovingWhatIsAbsentDoesNothing") {
  GatewayConfig config{.clusters = {{.name = "b"}, {.name = "a"}}};
  apply(config, {.remove_listeners = {"x"}, .remove_clusters = {"y"}, .remove_routes = {"z"}});
  CHECK(config == GatewayConfig{.clusters = {{.name = "a"}, {.name = "b"}}});
}

TEST_CASE("RemovalsComeBeforeUpserts") {
  GatewayConfig config{.clusters = {{.name = "a", .load_balancing = LoadBalancing::kLeastRequest}}};
  apply(config, {.upsert_clusters = {{.name = "a"}}, .remove_clusters = {"a"}});
  CHECK(config == GatewayConfig{.clusters = {{.name = "a"}}});
}
