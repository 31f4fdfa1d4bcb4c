// Which statuses are to be written, and what of objects they are made of.
#include "controller/status.h"

#include <doctest/doctest.h>

#include "controller/kube_json.h"
#include "controller/reconciler.h"

namespace ingress::controller {
namespace {

using Addresses = std::vector<LoadBalancerAddress>;
constexpr std::string_view kManager = "example.dev/us";

Object read(const std::string& kind, const std::string& json) {
  auto item = read_kube_object(json, kind);
  REQUIRE(item);
  CHECK(item->read.problems.empty());
  REQUIRE(item->read.object);
  return *item->read.object;
}

Service service(const std::string& spec, const std::string& status = "{}") {
  return std::get<Service>(read("Service", R"({"apiVersion":"v1","kind":"Service","metadata":)"
                                           R"({"namespace":"a","name":"b"},"spec":)" +
                                               spec + R"(,"status":)" + status + "}"));
}

Ingress ingress_object(const std::string& name, const std::string& status = "{}",
                       const std::string& managed = "[]", const std::string& class_name = "ours") {
  return std::get<Ingress>(read(
      "Ingress", R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"namespace":"shop",)"
                 R"("name":")" +
                     name + R"(","uid":"uid-)" + name + R"(","managedFields":)" + managed +
                     R"(},"spec":{"ingressClassName":")" + class_name + R"("},"status":)" + status + "}"));
}

const std::string kOurStatus =
    R"([{"manager":"example.dev/us","operation":"Apply","subresource":"status","fieldsV1":{}}])";

struct Bench {
  Store store;
  void add(Ingress object, const std::string& source = Reconciler::kCluster) {
    store.upsert(source, Object(std::move(object)));
  }
  std::vector<StatusChange> changes(const Addresses& addresses) const {
    const auto is_ours = [](const Ingress& object, const std::string&) {
      return object.class_name == "ours";
    };
    return find_status_changes(store, is_ours, addresses, kManager);
  }
};

TEST_CASE("AServiceIsReachedWhereItSays") {
  CHECK(addresses_of(
            service(R"({"type":"LoadBalancer","clusterIPs":["10.0.0.1"],"externalIPs":["192.0.2.9"]})",
                    R"({"loadBalancer":{"ingress":[{"ip":"192.0.2.1"},{"hostname":"lb.example"}]}})")) ==
        Addresses{{"192.0.2.9", ""}, {"192.0.2.1", ""}, {"", "lb.example"}});
  // One that has been given nothing yet is nowhere, whatever its cluster IP.
  CHECK(addresses_of(service(R"({"type":"LoadBalancer","clusterIPs":["10.0.0.1"]})")).empty());
  CHECK(addresses_of(service(R"({"clusterIPs":["10.0.0.1","fd00::1"]})")) ==
        Addresses{{"10.0.0.1", ""}, {"fd00::1", ""}});
  CHECK(
      addresses_of(service(R"({"type":"NodePort","clusterIPs":["10.0.0.1"],"externalIPs":["192.0.2.9"]})")) ==
      Addresses{{"192.0.2.9", ""}});
  CHECK(addresses_of(service(R"({"clusterIPs":["None"]})")).empty());
  CHECK(addresses_of(service(R"({"type":"ExternalName","externalName":"a.example"})")) ==
        Addresses{{"", "a.example"}});
}

TEST_CASE("WhatTheClusterHasWrittenIsReadAndNonsenseInItIsNobodysProblem") {
  const Ingress whole = ingress_object(
      "a",
      R"({"loadBalancer":{"ingress":[{"ip":"192.0.2.1","ports":[{"port":80}]},{"hostname":"b.example"},)"
      R"({"ip":"nonsense"},7]}})",
      R"([{"manager":"kubectl","operation":"Update","subresource":"status"},)"
      R"({"manager":"other","operation":"Apply"},7,{"manager":"x","operation":"Apply","subresource":"status"}])");
  CHECK(whole.status == Addresses{{"192.0.2.1", ""}, {"", "b.example"}, {}, {}});
  CHECK(whole.status_managers == std::vector<std::string>{"x"});
  CHECK(whole.meta.uid == "uid-a");
  for (const char* status : {"7", "null", R"({"loadBalancer":7})", R"({"loadBalancer":{"ingress":{}}})"})
    CHECK(ingress_object("a", status, "7").status.empty());
}

TEST_CASE("OnlyWhatWouldChangeIsWritten") {
  Bench bench;
  bench.add(ingress_object("new"));
  bench.add(
      ingress_object("right", R"({"loadBalancer":{"ingress":[{"ip":"192.0.2.1"},{"ip":"192.0.2.2"}]}})"));
  bench.add(ingress_object("wrong", R"({"loadBalancer":{"ingress":[{"ip":"192.0.2.2"}]}})"));
  bench.add(ingress_object("other", R"({"loadBalancer":{"ingress":[{"ip":"192.0.2.9"}]}})", "[]", "theirs"));
  bench.add(ingress_object("file"), "file.yaml");
  const Addresses wanted{{"192.0.2.1", ""}, {"192.0.2.2", ""}};
  const auto changes = bench.changes({{"192.0.2.2", ""}, {"192.0.2.1", ""}, {"192.0.2.2", ""}});
  REQUIRE(changes.size() == 2);
  CHECK(changes[0] == StatusChange{{"shop", "new"}, {}, wanted});
  CHECK(changes[1] == StatusChange{{"shop", "wrong"}, {{"192.0.2.2", ""}}, wanted});
}

TEST_CASE("WhatLeavesOurClassLosesWhatWeHaveWritten") {
  const std::string status = R"({"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}})";
  Bench bench;
  bench.add(ingress_object("left", status, kOurStatus, "theirs"));
  bench.add(ingress_object("gone", "{}", kOurStatus, "theirs"));
  bench.add(ingress_object("theirs", status, "[]", "theirs"));
  bench.add(ingress_object("ours", status, kOurStatus));
  CHECK(bench.changes({{"192.0.2.1", ""}}) ==
        std::vector<StatusChange>{{{"shop", "left"}, {{"192.0.2.1", ""}}, {}}});
  // Of ours too, while we are nowhere to be reached.
  const auto changes = bench.changes({});
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].ingress.second == "left");
  CHECK(changes[1].ingress.second == "ours");
  CHECK(changes[1].after.empty());
}

TEST_CASE("OnlyOurFieldsAreApplied") {
  CHECK(write_status({{"shop", "a"}, {}, {{"192.0.2.1", ""}, {"", "b.example"}}}) ==
        R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"namespace":"shop","name":"a"},)"
        R"("status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"},{"hostname":"b.example"}]}}})");
  CHECK(
      write_status({{"shop", "a"}, {{"192.0.2.1", ""}}, {}}) ==
      R"({"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"namespace":"shop","name":"a"}})");
}

}  // namespace
}  // namespace ingress::controller
