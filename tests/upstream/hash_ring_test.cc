#include "upstream/hash_ring.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "upstream/random.h"

namespace ingress::upstream {
namespace {

constexpr int kKeys = 20'000;

std::vector<Endpoint> endpoints_of(std::size_t count) {
  std::vector<Endpoint> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back({"10.0." + std::to_string(i / 200) + "." + std::to_string(i % 200), 80});
  }
  return out;
}

// Addresses of the endpoints of kKeys keys.
std::vector<std::string> owners(const std::vector<Endpoint>& endpoints) {
  const HashRing ring(endpoints);
  std::vector<std::string> out;
  for (int i = 0; i < kKeys; ++i) {
    out.push_back(endpoints[ring.endpoint_at(ring.find(stable_hash("key" + std::to_string(i))))].address);
  }
  return out;
}

TEST_CASE("OnlyTheKeysOfAnEndpointThatGoesMove") {
  for (const std::size_t count : {2, 3, 10, 100, 1000}) {
    CAPTURE(count);
    std::vector<Endpoint> endpoints = endpoints_of(count);
    const auto before = owners(endpoints);
    const std::string gone = endpoints[count / 2].address;
    endpoints.erase(endpoints.begin() + static_cast<std::ptrdiff_t>(count / 2));
    const auto after = owners(endpoints);
    int num_moved = 0;
    for (int i = 0; i < kKeys; ++i) {
      if (before[i] == after[i]) continue;
      ++num_moved;
      REQUIRE(before[i] == gone);
    }
    CHECK(num_moved == std::ranges::count(before, gone));
    CHECK(num_moved < 2 * kKeys / static_cast<int>(count) + 20);
  }
}

TEST_CASE("OnlyKeysThatANewEndpointTakesMove") {
  for (const std::size_t count : {1, 3, 30, 1000}) {
    CAPTURE(count);
    std::vector<Endpoint> endpoints = endpoints_of(count);
    const auto before = owners(endpoints);
    endpoints.insert(endpoints.begin(), {"192.0.2.1", 80});
    const auto after = owners(endpoints);
    int num_moved = 0;
    for (int i = 0; i < kKeys; ++i) {
      if (before[i] == after[i]) continue;
      ++num_moved;
      REQUIRE(after[i] == "192.0.2.1");
    }
    CHECK(num_moved > 0);
    CHECK(num_moved < 2 * kKeys / static_cast<int>(count + 1) + 20);
  }
}

TEST_CASE("OtherWeightsMoveFewKeysAndZonesNone") {
  std::vector<Endpoint> endpoints = endpoints_of(10);
  for (std::size_t i = 0; i < endpoints.size(); ++i) endpoints[i].weight = static_cast<std::uint32_t>(10 + i);
  const auto before = owners(endpoints);
  for (Endpoint& endpoint : endpoints) endpoint.zone = "b";
  CHECK(owners(endpoints) == before);
  endpoints[3].weight *= 2;
  const auto after = owners(endpoints);
  int num_moved = 0;
  for (int i = 0; i < kKeys; ++i) num_moved += before[i] != after[i] ? 1 : 0;
  CHECK(num_moved < kKeys / 5);  // its share grows from 9 % to 16 %, all others give a little
}

TEST_CASE("TheOrderOfTheListDoesNotMatter") {
  std::vector<Endpoint> endpoints = endpoints_of(20);
  const auto before = owners(endpoints);
  std::ranges::reverse(endpoints);
  CHECK(owners(endpoints) == before);
}

TEST_CASE("SharesFollowWeights") {
  for (const std::size_t count : {3, 30}) {
    CAPTURE(count);
    std::vector<Endpoint> endpoints = endpoints_of(count);
    for (std::size_t i = 0; i < count; ++i) endpoints[i].weight = i % 2 == 0 ? 100 : 300;
    std::map<std::string, double> shares;
    for (const std::string& owner : owners(endpoints)) shares[owner] += 1.0 / kKeys;
    double total = 0;
    for (const Endpoint& endpoint : endpoints) total += endpoint.weight;
    for (const Endpoint& endpoint : endpoints) {
      // 128 to 400 points each: a standard deviation of less than 9 %.
      CHECK(shares[endpoint.address] > 0.6 * endpoint.weight / total);
      CHECK(shares[endpoint.address] < 1.4 * endpoint.weight / total);
    }
  }
}

// The points as they are described, and a look at each of them.
class LinearRing {
 public:
  explicit LinearRing(const std::vector<Endpoint>& endpoints) {
    double total = 0;
    for (const Endpoint& endpoint : endpoints) total += endpoint.weight;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
      const Endpoint& endpoint = endpoints[i];
      Random sequence(stable_hash(endpoint.address + " " + std::to_string(endpoint.port)));
      const double part = endpoint.weight * static_cast<double>(endpoints.size()) / total;
      for (long j = 0; j < std::max(std::lround(256 * part), 1L); ++j) {
        points_.push_back({sequence.next() >> 16, i});
      }
    }
  }
  std::size_t owner(std::uint64_t hash) const {
    const Point *next = nullptr, *first = points_.data();
    for (const Point& point : points_) {
      if (point < *first) first = &point;
      if (point.at >= hash >> 16 && (next == nullptr || point < *next)) next = &point;
    }
    return (next != nullptr ? next : first)->index;
  }

 private:
  struct Point {
    std::uint64_t at;
    std::size_t index;
    auto operator<=>(const Point&) const = default;
  };
  std::vector<Point> points_;
};

TEST_CASE("ASearchAgreesWithALookAtEachPoint") {
  Random random(77);
  for (const std::size_t count : {1, 2, 3, 7, 40}) {
    CAPTURE(count);
    std::vector<Endpoint> endpoints = endpoints_of(count);
    for (Endpoint& endpoint : endpoints) endpoint.weight = static_cast<std::uint32_t>(1 + random.below(20));
    const HashRing ring(endpoints);
    const LinearRing oracle(endpoints);
    for (int i = 0; i < 1000; ++i) {
      std::uint64_t hash = random.next();
      if (i % 10 == 0) hash >>= random.below(64);                      // near the start,
      if (i % 10 == 1) hash |= ~std::uint64_t{0} << random.below(64);  // and near the end
      REQUIRE(ring.endpoint_at(ring.find(hash)) == oracle.owner(hash));
    }
  }
}

TEST_CASE("AllKeysHaveAnEndpointAlsoBeyondTheLastPoint") {
  const HashRing ring(endpoints_of(3));
  CHECK(ring.num_points() == 3 * 256);
  for (const std::uint64_t hash : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
    CHECK(ring.find(hash) < ring.num_points());
  }
  CHECK(ring.find(~std::uint64_t{0}) == 0);
  CHECK(ring.next(ring.num_points() - 1) == 0);
  CHECK(HashRing({}).is_empty());
}

TEST_CASE("ManyEndpointsHaveABoundedRingAndEachAPoint") {
  const std::vector<Endpoint> endpoints = endpoints_of(20'000);
  const HashRing ring(endpoints);
  CHECK(ring.num_points() <= std::size_t{1} << 20);
  CHECK(ring.num_points() >= 20'000 * 50);
  std::vector<Endpoint> uneven = endpoints_of(5);
  uneven[0].weight = 1'000'000;
  CHECK(HashRing(uneven).num_points() <= 5 * 256 + 5);
}

// Keys must lead to the same endpoint in every process, of every build.
TEST_CASE("HashesAreTheSameEverywhere") {
  CHECK(stable_hash("") == 0x4C5FEAC26EA39A00ULL);
  CHECK(stable_hash("alice") == 0xEB913C4B293AE5DEULL);
}

}  // namespace
}  // namespace ingress::upstream
