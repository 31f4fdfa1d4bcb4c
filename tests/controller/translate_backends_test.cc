#include "controller/translate_backends.h"

#include <doctest/doctest.h>

#include <set>

#include "controller/build.h"

using namespace ingress;
using namespace ingress::controller;
using namespace ingress::controller::test;

namespace {

struct Result {
  BackendProtocol protocol = BackendProtocol::kHttp1;
  std::string backend;    // cluster, or the failure's token
  std::string endpoints;  // "address:port …"
  std::vector<Problem> problems;
};

// Resolves, and makes the clusters that it resolved to.
class Table {
 public:
  Table(const Store& store, const TranslateOptions& options, ProblemList& problems)
      : slices_(SliceIndex::of(store)), backends_(store, options, slices_), problems_(problems) {}
  BackendRef resolve(const std::string& namespace_, const IngressBackend& backend, const Referrer& referrer) {
    ResolvedBackend out = backends_.resolve(namespace_, backend, referrer, problems_);
    CHECK(out.cluster.has_value() != out.ref.failure.has_value());
    if (out.cluster) keys_.insert(*out.cluster);
    return out.ref;
  }
  std::vector<Cluster> take_clusters() {
    std::vector<Cluster> out;
    for (const ClusterKey& key : keys_) out.push_back(backends_.make_cluster(key, problems_));
    return out;
  }

 private:
  SliceIndex slices_;
  Backends backends_;
  ProblemList& problems_;
  std::set<ClusterKey> keys_;
};

Result resolve(std::vector<Object> objects, std::string_view reference,
               const TranslateOptions& options = {}) {
  const Store all = make_store(std::move(objects));
  ProblemList problems;
  Table table(all, options, problems);
  const BackendRef ref =
      table.resolve("default", backend(reference), {"i.yaml", {"Ingress", "default", "web"}, "b"});
  Result out;
  out.backend = ref.failure ? ref.failure->why : ref.cluster;
  if (ref.failure) CHECK(ref.failure->status == 503);
  for (const Cluster& cluster : table.take_clusters()) {
    CHECK(cluster.name == ref.cluster);
    out.protocol = cluster.protocol;
    for (const Endpoint& e : cluster.endpoints)
      out.endpoints += e.address + ':' + std::to_string(e.port) + ' ';
  }
  out.problems = problems.take();
  return out;
}

EndpointSlice with(EndpointSlice slice, std::vector<SliceEndpoint> endpoints, std::vector<SlicePort> ports,
                   std::string type = "IPv4") {
  if (!endpoints.empty()) slice.endpoints = std::move(endpoints);
  if (!ports.empty()) slice.ports = std::move(ports);
  slice.address_type = std::move(type);
  return slice;
}

SliceEndpoint endpoint(std::string address, std::optional<bool> ready, std::optional<bool> serving = {},
                       std::optional<bool> terminating = {}) {
  return {{std::move(address)}, ready, serving, terminating};
}

}  // namespace

// Long because it is one table.
TEST_CASE("PortsAreFoundByNumberAndNameAndJoinedToSlicesByName") {
  const std::vector<ServicePort> two{{.name = "http", .port = 80}, {.name = "admin", .port = 81}};
  const std::vector<SlicePort> slice_ports{{.name = "admin", .port = 9001}, {.name = "http", .port = 9000}};
  struct Row {
    const char* claim;
    std::vector<ServicePort> ports;
    std::vector<SlicePort> slice_ports;
    std::string reference, backend, endpoints;
  };
  const std::vector<Row> rows{
      {"by number", two, slice_ports, "web:80", "default/web:80", "10.0.0.1:9000 "},
      {"by name", two, slice_ports, "web:http", "default/web:80", "10.0.0.1:9000 "},
      {"the other port", two, slice_ports, "web:admin", "default/web:81", "10.0.0.1:9001 "},
      {"unnamed", {{.port = 80}}, {{.port = 7}}, "web:80", "default/web:80", "10.0.0.1:7 "},
      {"unnamed does not join named",
       {{.port = 80}},
       {{.name = "http", .port = 7}},
       "web:80",
       "default/web:80",
       ""},
      {"target port is not what joins",
       {{.name = "a", .port = 80, .target_port_name = "b"}},
       {{.name = "b", .port = 7}, {.name = "a", .port = 8}},
       "web:80",
       "default/web:80",
       "10.0.0.1:8 "},
      {"no such number", two, slice_ports, "web:82", "no_service_port", ""},
      {"no such name", two, slice_ports, "web:nope", "no_service_port", ""},
      {"UDP is another port",
       {{.name = "dns", .port = 53, .protocol = "UDP"}},
       slice_ports,
       "web:53",
       "no_service_port",
       ""},
      {"TCP beside UDP",
       {{.name = "u", .port = 53, .protocol = "UDP"}, {.name = "t", .port = 53}},
       {{.name = "u", .port = 1, .protocol = "UDP"}, {.name = "t", .port = 2}},
       "web:53",
       "default/web:53",
       "10.0.0.1:2 "},
      {"a slice port of UDP does not join",
       {{.name = "a", .port = 80}},
       {{.name = "a", .port = 1, .protocol = "UDP"}},
       "web:80",
       "default/web:80",
       ""},
      {"a slice port without number",
       {{.name = "a", .port = 80, .target_port = 8080}},
       {{.name = "a"}},
       "web:80",
       "default/web:80",
       "10.0.0.1:8080 "},
      {"no such Service", two, slice_ports, "shop:80", "no_service", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.claim));
    const Result result = resolve(
        {make_service("web", row.ports), with(make_slice("s", "web", {"10.0.0.1"}), {}, row.slice_ports)},
        row.reference);
    CAPTURE(text_of(result.problems));
    CHECK(result.backend == row.backend);
    CHECK(result.endpoints == row.endpoints);
    CHECK(result.problems.empty() == !row.endpoints.empty());
  }
}

TEST_CASE("ReadyEndpointsAreUsedElseThoseThatServeWhileTheyTerminate") {
  struct Row {
    const char* claim;
    std::vector<SliceEndpoint> endpoints;
    std::string expected;
  };
  const std::vector<Row> rows{
      {"unset is ready", {endpoint("10.0.0.1", {})}, "10.0.0.1:8080 "},
      {"not ready", {endpoint("10.0.0.1", false)}, ""},
      {"some ready", {endpoint("10.0.0.2", true), endpoint("10.0.0.1", false)}, "10.0.0.2:8080 "},
      {"terminating ones rest while some are ready",
       {endpoint("10.0.0.2", true), endpoint("10.0.0.1", false, true, true)},
       "10.0.0.2:8080 "},
      {"terminating ones help out",
       {endpoint("10.0.0.2", false), endpoint("10.0.0.1", false, true, true)},
       "10.0.0.1:8080 "},
      {"terminating and not serving", {endpoint("10.0.0.1", false, false, true)}, ""},
      {"serving but neither ready nor terminating", {endpoint("10.0.0.1", false, true, false)}, ""},
      {"sorted, once each",
       {endpoint("10.0.0.9", true), endpoint("10.0.0.1", true), endpoint("10.0.0.9", true)},
       "10.0.0.1:8080 10.0.0.9:8080 "},
      {"all addresses of one endpoint",
       {{{"10.0.0.1", "10.0.0.2"}, true, {}, {}}},
       "10.0.0.1:8080 10.0.0.2:8080 "},
      {"wrong addresses are left out",
       {endpoint("nope", true), endpoint("::1", true), endpoint("10.0.0.1", true)},
       "10.0.0.1:8080 "},
      {"never a backend", {endpoint("0.0.0.0", true), endpoint("239.1.1.1", true)}, ""},
      {"malformed", {{}, {{""}, true, {}, {}}}, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.claim));
    CHECK(resolve({make_service("web"), with(make_slice("s", "web", {}), row.endpoints, {})}, "web:80")
              .endpoints == row.expected);
  }
}

SliceEndpoint in_zone(std::string address, std::string zone, std::string hint) {
  return {.addresses = {std::move(address)}, .zone = std::move(zone), .hint_zone = std::move(hint)};
}

TEST_CASE("ZonesComeAlongAndHintsForAllMakeThemMatter") {
  struct Row {
    const char* claim;
    std::vector<SliceEndpoint> endpoints;
    std::string zones;
    ZonePreference prefer;
  };
  const std::vector<Row> rows{
      {"none", {in_zone("10.0.0.1", "", "")}, "-", ZonePreference::kNone},
      {"a zone alone",
       {in_zone("10.0.0.1", "a", ""), in_zone("10.0.0.2", "b", "")},
       "ab",
       ZonePreference::kNone},
      {"hints, which count more than where it stands",
       {in_zone("10.0.0.1", "a", "a"), in_zone("10.0.0.2", "a", "b")},
       "ab",
       ZonePreference::kOwnZone},
      {"not all have hints",
       {in_zone("10.0.0.1", "a", "a"), in_zone("10.0.0.2", "b", "")},
       "ab",
       ZonePreference::kNone},
      {"the same endpoint twice is one",
       {in_zone("10.0.0.1", "b", "b"), in_zone("10.0.0.1", "a", "a")},
       "a",
       ZonePreference::kOwnZone},
      {"no endpoints", {}, "", ZonePreference::kNone},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.claim));
    const Store all = make_store({make_service("web"), with(make_slice("s", "web", {}), row.endpoints, {})});
    ProblemList problems;
    const TranslateOptions options;
    Table table(all, options, problems);
    table.resolve("default", backend("web:80"), {"i.yaml", {"Ingress", "default", "web"}, "b"});
    const std::vector<Cluster> clusters = table.take_clusters();
    REQUIRE(clusters.size() == 1);
    std::string zones;
    for (const Endpoint& e : clusters[0].endpoints) zones += e.zone.empty() ? "-" : e.zone;
    CHECK(zones == row.zones);
    CHECK(clusters[0].locality.prefer == row.prefer);
  }
}

TEST_CASE("SeveralSlicesOfBothFamiliesAreJoined") {
  const Result result = resolve(
      {make_service("web"), make_slice("s1", "web", {"10.0.0.2", "10.0.0.1"}),
       make_slice("s2", "web", {"10.0.0.1"}), with(make_slice("s3", "web", {"2001:DB8::1"}), {}, {}, "IPv6"),
       make_slice("s4", "other/web", {"10.9.9.9"}), make_slice("s5", "webb", {"10.9.9.8"}),
       with(make_slice("s6", "web", {"10.0.0.3"}), {}, {{.name = "http", .port = 1}})},
      "web:80");
  CHECK(result.endpoints == "10.0.0.1:8080 10.0.0.2:8080 10.0.0.3:1 2001:db8::1:8080 ");
  CHECK(result.problems.empty());
}

TEST_CASE("AReadyEndpointInOneSliceOutdoesTheSameDrainingInAnother") {
  const Result result = resolve(
      {make_service("web"), with(make_slice("s1", "web", {}), {endpoint("10.0.0.1", false, true, true)}, {}),
       make_slice("s2", "web", {"10.0.0.1"})},
      "web:80");
  CHECK(result.endpoints == "10.0.0.1:8080 ");
}

TEST_CASE("AServiceWithoutSlicesIsAClusterWithoutEndpoints") {
  const Result result = resolve({make_service("web")}, "web:80");
  CHECK(result.backend == "default/web:80");
  CHECK(result.endpoints.empty());
  REQUIRE(result.problems.size() == 1);
  CHECK(result.problems[0].severity == Severity::kWarning);
  CHECK(result.problems[0].object == Origin{"Service", "default", "web"});
}

TEST_CASE("APortMaySayThatHttp2IsSpokenThere") {
  for (const auto& [said, protocol] : {std::pair<const char*, BackendProtocol>{"", BackendProtocol::kHttp1},
                                       {"kubernetes.io/h2c", BackendProtocol::kHttp2},
                                       {"kubernetes.io/ws", BackendProtocol::kHttp1},
                                       {"anything", BackendProtocol::kHttp1}}) {
    CAPTURE(said);
    Service service = make_service("web");
    for (ServicePort& port : service.ports) port.app_protocol = said;
    CHECK(resolve({std::move(service)}, "web:80").protocol == protocol);
  }
}

TEST_CASE("HostNamesInSlicesAreAProblem") {
  const Result result =
      resolve({make_service("web"), with(make_slice("s", "web", {"a.example"}), {}, {}, "FQDN")}, "web:80");
  CHECK(result.endpoints.empty());
  CHECK(has_problem(result.problems, "addressType", "FQDN"));
}

TEST_CASE("LocalEndpointsAreRefusedUnlessAllowed") {
  const std::vector<Object> objects{make_service("web"),
                                    make_slice("s", "web", {"127.0.0.1", "169.254.169.254", "10.0.0.1"})};
  CHECK(resolve(objects, "web:80").endpoints == "10.0.0.1:8080 127.0.0.1:8080 169.254.169.254:8080 ");
  const Result refused = resolve(objects, "web:80", {.allow_local_endpoints = false});
  CHECK(refused.endpoints == "10.0.0.1:8080 ");
  CHECK(has_problem(refused.problems, "endpoints[0].addresses[0]", "127.0.0.1"));
  CHECK(has_problem(refused.problems, "endpoints[1].addresses[0]", "169.254.169.254"));
  const std::vector<Object> mapped{make_service("web"),
                                   with(make_slice("s", "web", {"::ffff:127.0.0.1"}), {}, {}, "IPv6")};
  CHECK(resolve(mapped, "web:80", {.allow_local_endpoints = false}).endpoints.empty());
}

TEST_CASE("ExternalNamesOnlyWhenAllowed") {
  struct Row {
    const char* claim;
    std::string name;
    bool allow_external, allow_local;
    std::string reference, backend, endpoints;
  };
  const std::vector<Row> rows{
      {"forbidden", "a.example", false, true, "web:443", "external_name_forbidden", ""},
      {"allowed", "a.example", true, true, "web:443", "default/web:443", "a.example:443 "},
      {"by name", "a.example", true, true, "web:http", "default/web:80", "a.example:80 "},
      {"by unknown name", "a.example", true, true, "web:nope", "no_service_port", ""},
      {"address", "10.0.0.1", true, false, "web:80", "default/web:80", "10.0.0.1:80 "},
      {"local address", "127.0.0.1", true, false, "web:80", "external_name_forbidden", ""},
      {"localhost", "localhost", true, false, "web:80", "external_name_forbidden", ""},
      {"localhost, allowed", "localhost", true, true, "web:80", "default/web:80", "localhost:80 "},
      {"below localhost", "a.localhost", true, false, "web:80", "external_name_forbidden", ""},
      {"multicast", "224.0.0.1", true, true, "web:80", "external_name_forbidden", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.claim));
    Service external = make_service("web");
    external.type = "ExternalName";
    external.external_name = row.name;
    const Result result =
        resolve({external}, row.reference,
                {.allow_external_names = row.allow_external, .allow_local_endpoints = row.allow_local});
    CHECK(result.backend == row.backend);
    CHECK(result.endpoints == row.endpoints);
    CHECK(result.problems.empty() == !row.endpoints.empty());
  }
}

TEST_CASE("EveryReferenceToAForbiddenServiceIsNamed") {
  Service external = make_service("web");
  external.type = "ExternalName";
  external.external_name = "a.example";
  const Store all = make_store({external});
  ProblemList problems;
  const TranslateOptions options;
  Table table(all, options, problems);
  for (const char* field : {"one", "two"})
    CHECK(table.resolve("default", backend("web:80"), {"i.yaml", {"Ingress", "default", "web"}, field})
              .failure);
  CHECK(problems.take().size() == 2);
  CHECK(table.take_clusters().empty());
}

TEST_CASE("OneClusterServesAllReferencesToAPort") {
  const Store all = make_store({make_service("web"), make_slice("s", "web", {"10.0.0.1"})});
  ProblemList problems;
  const TranslateOptions options;
  Table table(all, options, problems);
  CHECK(table.resolve("default", backend("web:80"), {}).cluster ==
        table.resolve("default", backend("web:http"), {}).cluster);
  const auto clusters = table.take_clusters();
  REQUIRE(clusters.size() == 1);
  CHECK(clusters[0].origin == Origin{"Service", "default", "web"});
}
