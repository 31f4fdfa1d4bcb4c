// A reflector of the Services of one namespace, with an API server and a clock that do what a test says.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kube_fakes.h"
#include "proxyd/kube/reflector.h"

namespace proxyd::test {

using ingress::controller::KubeItem;
using ingress::controller::ObjectKey;

// What is there, by name: the version (or the port of a Service, which tells more).
struct Objects final : ReflectorSink {
  std::map<std::string, std::int64_t> ports;
  int num_lists = 0, num_changes = 0;

  static std::int64_t port_of(const KubeItem& item) {
    if (!item.read.object) return -1;
    return std::get<ingress::controller::Service>(*item.read.object).ports.at(0).port;
  }
  void on_list(std::vector<KubeItem> items) override {
    ports.clear();
    for (const KubeItem& item : items) ports[item.read.key.name] = port_of(item);
    ++num_lists;
  }
  void on_upsert(KubeItem item) override {
    ports[item.read.key.name] = port_of(item);
    ++num_changes;
  }
  void on_delete(const ObjectKey& key) override {
    ports.erase(key.name);
    ++num_changes;
  }
  void on_state() override {}
};

struct Scene {
  FakeKubeClock clock;
  FakeKubeTransport server;
  Objects objects;
  KindCounters counters;
  Reflector reflector;

  explicit Scene(ReflectorScope scope = {.kind = kube_kinds::kService, .namespace_ = "shop"})
      : reflector(std::move(scope), server, clock, objects, counters) {
    reflector.list_now();
  }
  std::shared_ptr<FakeKubeTransport::Request> request() {
    REQUIRE(server.num_open() == 1);
    return server.last();
  }
  std::string path() { return request()->request.path; }
  void answer_list(int version, const std::string& items, const std::string& token = {}) {
    server.answer(request(), 200, list_text("ServiceList", version, items, token));
  }
  void line(const std::string& text) { server.line(request(), text); }
  bool is_watching() { return server.num_open() == 1 && server.last()->is_watch; }
  // Two services, and a watch.
  void settle() {
    answer_list(10, service_text("a", 3, 1) + ',' + service_text("b", 4, 2));
    REQUIRE(is_watching());
  }
};

using Ports = std::map<std::string, std::int64_t>;

}  // namespace proxyd::test
