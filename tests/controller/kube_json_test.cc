#include "controller/kube_json.h"

#include <doctest/doctest.h>

#include <string>
#include <variant>

using namespace ingress::controller;

namespace {

std::string ingress_text(const std::string& name, const std::string& spec = "{}") {
  return R"({"metadata":{"name":")" + name + R"(","namespace":"shop","resourceVersion":"7","annotations":)" +
         R"({"kubectl.kubernetes.io/last-applied-configuration":"long","a/b":"c"}},"spec":)" + spec + "}";
}

std::string list_text(const std::string& items, const std::string& metadata = R"({"resourceVersion":"12"})") {
  return R"({"kind":"IngressList","apiVersion":"networking.k8s.io/v1","metadata":)" + metadata +
         R"(,"items":)" + items + "}";
}

std::string event_text(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}";
}

const std::string kWatchedIngress =
    R"({"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"a","namespace":"shop",)"
    R"("resourceVersion":"9"},"spec":{}})";

}  // namespace

TEST_CASE("ReadsAPage") {
  const auto list = read_kube_list(list_text('[' + ingress_text("a") + ',' + ingress_text("b") + ']',
                                             R"({"resourceVersion":"12","continue":"xyz"})"),
                                   "Ingress", KubeForm::kWhole);
  REQUIRE(list);
  CHECK(list->resource_version == "12");
  CHECK(list->continue_token == "xyz");
  REQUIRE(list->items.size() == 2);
  const KubeItem& item = list->items[0];
  CHECK(item.resource_version == "7");
  CHECK(item.read.key == ObjectKey{"Ingress", "shop", "a"});
  REQUIRE(item.read.object);
  CHECK(std::get<Ingress>(*item.read.object).meta.annotations.size() == 1);
  CHECK(item.read.problems.empty());
}

TEST_CASE("OneBadItemLeavesTheOthers") {
  const std::string deep = ingress_text("deep", std::string(100, '[') + std::string(100, ']'));
  const std::string twice = ingress_text("twice", R"({"rules":[],"rules":[]})");
  const std::string wrong = ingress_text("wrong", R"({"rules":"x"})");
  const auto list = read_kube_list(list_text('[' + deep + ',' + ingress_text("good") + ',' + twice + ',' +
                                             wrong + R"(,{"metadata":{"name":"../x"}},7])"),
                                   "Ingress", KubeForm::kWhole);
  REQUIRE(list);
  REQUIRE(list->items.size() == 4);
  for (const KubeItem& item : list->items) {
    CAPTURE(item.read.key.name);
    const bool is_good = item.read.key.name == "good";
    CHECK(item.read.object.has_value() == is_good);
    CHECK(item.read.problems.empty() == is_good);
    CHECK(item.resource_version == "7");
    for (const auto& problem : item.read.problems) {
      CHECK(problem.source == "cluster");
      CHECK(problem.object.name == item.read.key.name);
    }
  }
  CHECK(list->problems.size() == 2);
}

TEST_CASE("RefusesWhatIsNotTheList") {
  const struct {
    const char* text;
  } rows[] = {
      {""},
      {"null"},
      {"[]"},
      {"<html>"},
      {R"({"kind":"Status","status":"Failure"})"},
      {R"({"kind":"ServiceList","metadata":{"resourceVersion":"1"},"items":[]})"},
      {R"({"kind":"IngressList","items":[]})"},
      {R"({"kind":"IngressList","metadata":{},"items":[]})"},
      {R"({"kind":"IngressList","metadata":{"resourceVersion":"1"}})"},
      {R"({"kind":"IngressList","metadata":{"resourceVersion":"1"},"items":{}})"},
      {R"({"kind":"IngressList","metadata":{"resourceVersion":"1"},"items":"a"})"},
      {R"({"kind":"IngressList","metadata":{"resourceVersion":"1"},"items":[{]})"},
      {R"({"kind":"IngressList","metadata":{"resourceVersion":"1","continue":7},"items":[]})"},
      {R"({"kind":"IngressList","metadata":{"resourceVersion":"1"},"items":[],"items":[]})"},
      {R"({"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"1"},"items":[]})"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK_FALSE(read_kube_list(row.text, "Ingress", KubeForm::kWhole));
  }
  // A client of Go writes null for no items.
  CHECK(read_kube_list(list_text("null"), "Ingress", KubeForm::kWhole));
}

TEST_CASE("ACutPageIsNone") {
  const std::string text = list_text('[' + ingress_text("a") + ',' + ingress_text("b") + ']');
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(read_kube_list(std::string_view(text).substr(0, size), "Ingress", KubeForm::kWhole));
  }
}

TEST_CASE("MetadataGivesKeysAlone") {
  const auto list = read_kube_list(
      R"({"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"3"},)"
      R"("items":[{"metadata":{"name":"tls","namespace":"shop","resourceVersion":"2"}},{"metadata":{}}]})",
      "Secret", KubeForm::kMetadata);
  REQUIRE(list);
  REQUIRE(list->items.size() == 1);
  CHECK(list->items[0].read.key == ObjectKey{"Secret", "shop", "tls"});
  CHECK_FALSE(list->items[0].read.object);
  CHECK(list->items[0].read.problems.empty());
  CHECK(list->problems.size() == 1);
}

TEST_CASE("ReadsEvents") {
  auto event = read_kube_event(event_text("MODIFIED", kWatchedIngress), "Ingress", KubeForm::kWhole);
  REQUIRE(event);
  CHECK(event->type == KubeEventType::kUpsert);
  CHECK(event->item.resource_version == "9");
  CHECK(event->item.read.object);

  event = read_kube_event(event_text("DELETED", kWatchedIngress), "Ingress", KubeForm::kWhole);
  REQUIRE(event);
  CHECK(event->type == KubeEventType::kDelete);
  CHECK(event->item.read.key == ObjectKey{"Ingress", "shop", "a"});
  CHECK_FALSE(event->item.read.object);

  event = read_kube_event(
      event_text("BOOKMARK", R"({"kind":"Ingress","metadata":{"resourceVersion":"50"},"spec":{}})"),
      "Ingress", KubeForm::kWhole);
  REQUIRE(event);
  CHECK(event->type == KubeEventType::kBookmark);
  CHECK(event->item.resource_version == "50");
  CHECK(event->item.read.problems.empty());

  event = read_kube_event(
      event_text("ERROR", R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})"),
      "Ingress", KubeForm::kWhole);
  REQUIRE(event);
  CHECK(event->type == KubeEventType::kError);
  CHECK(event->status.code == 410);
  CHECK(event->status.reason == "Expired");
}

TEST_CASE("RefusesMalformedEvents") {
  for (const std::string& text :
       {std::string(), std::string("{}"), event_text("ADDED", "{}"), event_text("RENAMED", kWatchedIngress),
        event_text("ADDED", R"({"metadata":{"name":"a"}})"), std::string(R"({"type":"ADDED"})"),
        event_text("ADDED", kWatchedIngress) + event_text("ADDED", kWatchedIngress)}) {
    CAPTURE(text);
    CHECK_FALSE(read_kube_event(text, "Ingress", KubeForm::kWhole));
  }
}

TEST_CASE("AnObjectOfAnotherKindIsRefused") {
  const auto event = read_kube_event(
      event_text("ADDED", R"({"kind":"Service","apiVersion":"v1","metadata":{"name":"a","namespace":"shop",)"
                          R"("resourceVersion":"9"},"spec":{}})"),
      "Ingress", KubeForm::kWhole);
  REQUIRE(event);
  CHECK_FALSE(event->item.read.object);
  CHECK_FALSE(event->item.read.problems.empty());
}

TEST_CASE("NoProblemOfASecretShowsItsData") {
  const auto item = read_kube_object(
      R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":"tls","namespace":"shop","resourceVersion":"9"},)"
      R"("data":{"hunter2":"aHVudGVyMg==","hunter2":"hunter2"}})",
      "Secret");
  REQUIRE(item);
  CHECK_FALSE(item->read.object);
  CHECK(item->read.key == ObjectKey{"Secret", "shop", "tls"});
  REQUIRE(item->read.problems.size() == 1);
  CHECK(item->read.problems[0].why.find("hunter2") == std::string::npos);
}

TEST_CASE("SlicesKeepWhatWeRead") {
  const auto item = read_kube_object(
      R"({"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","metadata":{"name":"a","namespace":"shop",)"
      R"("resourceVersion":"9","labels":{"kubernetes.io/service-name":"web","x":"y"},"annotations":)"
      R"({"endpoints.kubernetes.io/last-change-trigger-time":"t"}},"addressType":"IPv4","endpoints":[]})",
      "EndpointSlice");
  REQUIRE(item);
  REQUIRE(item->read.object);
  const auto& slice = std::get<EndpointSlice>(*item->read.object);
  CHECK(slice.service == "web");
  CHECK(slice.meta.labels.size() == 1);
  CHECK(slice.meta.annotations.empty());
}

TEST_CASE("StatusesAreShown") {
  const KubeStatus status = read_kube_status(R"({"code":403,"reason":"Forbidden","message":"no\nway"})");
  CHECK(status.code == 403);
  CHECK(status.reason == "Forbidden");
  CHECK(status.message.find('\n') == std::string::npos);
  CHECK(read_kube_status("upstream connect error").code == 0);
}
