#include "proxyd/kube/secret_source.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <variant>

#include "kube_fakes.h"

using namespace proxyd;
using namespace proxyd::test;
using namespace std::chrono_literals;
using ingress::controller::ObjectKey;
using ingress::controller::ReadObject;

namespace {

struct Sink final : ingress::controller::ObjectSink {
  std::map<std::string, std::string> keys;  // namespace/name -> tls.key; "refused" of what was refused
  void upsert(ReadObject object, Clock::time_point) override {
    const std::string name = object.key.namespace_ + '/' + object.key.name;
    keys[name] =
        object.object ? std::get<ingress::controller::Secret>(*object.object).data["tls.key"] : "refused";
  }
  void remove(const ObjectKey& key, Clock::time_point) override {
    keys.erase(key.namespace_ + '/' + key.name);
  }
  void replace(const std::string&, const std::string&, std::vector<ReadObject>, Clock::time_point) override {
    FAIL("a list of Secrets is never whole");
  }
  void set_source_problems(std::vector<ingress::Problem>) override {}
};

std::string metadata_text(const std::string& name, int version) {
  return R"({"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"namespace":"shop","name":")" +
         name + R"(","resourceVersion":")" + std::to_string(version) + R"("}})";
}

// The data is one letter in base64.
std::string secret_text(const std::string& name, int version, const std::string& data = "YQ==") {
  return R"({"kind":"Secret","apiVersion":"v1","metadata":{"namespace":"shop","name":")" + name +
         R"(","resourceVersion":")" + std::to_string(version) + R"("},"type":"Opaque","data":{"tls.key":")" +
         data + R"("}})";
}

struct Scene {
  FakeKubeClock clock;
  FakeKubeTransport server;
  Sink sink;
  KindCounters counters;
  SecretSource secrets{{server, clock, sink, counters, [] {}}};

  std::shared_ptr<FakeKubeTransport::Request> list() { return server.find("secrets?limit="); }
  std::shared_ptr<FakeKubeTransport::Request> watch() { return server.find("secrets?watch="); }
  std::shared_ptr<FakeKubeTransport::Request> get(const std::string& name) {
    return server.find("secrets/" + name);
  }
  void answer_list(const std::string& items, int version = 10) {
    REQUIRE(list());
    server.answer(list(), 200, list_text("PartialObjectMetadataList", version, items));
  }
  void answer_get(const std::string& name, int version, const std::string& data = "YQ==") {
    REQUIRE(get(name));
    server.answer(get(name), 200, secret_text(name, version, data));
  }
  void forbid_list() {
    for (int i = 0; i < 3; ++i) {
      REQUIRE(list());
      server.answer(list(), 403, status_text(403, "Forbidden"));
      if (i < 2) clock.pass(3s);
    }
  }
};

using Keys = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("GetsWhatIsReferredToAndNothingElse") {
  Scene scene;
  CHECK(scene.secrets.is_settled());
  scene.secrets.want({{"shop", "tls"}, {"shop", "gone"}});
  CHECK_FALSE(scene.secrets.is_settled());
  CHECK(scene.list()->request.accept.find("PartialObjectMetadataList") != std::string::npos);
  scene.answer_list(metadata_text("tls", 3) + ',' + metadata_text("other", 4));
  CHECK_FALSE(scene.secrets.is_settled());
  CHECK_FALSE(scene.get("other"));
  CHECK_FALSE(scene.get("gone"));
  scene.answer_get("tls", 3);
  CHECK(scene.secrets.is_settled());
  CHECK(scene.sink.keys == Keys{{"shop/tls", "a"}});
}

TEST_CASE("FollowsChangesAndDeletions") {
  Scene scene;
  scene.secrets.want({{"shop", "tls"}});
  scene.answer_list(metadata_text("tls", 3));
  scene.answer_get("tls", 3);
  scene.server.line(scene.watch(), event_text("MODIFIED", metadata_text("tls", 12)));
  CHECK(scene.sink.keys == Keys{{"shop/tls", "a"}});
  CHECK(scene.secrets.is_settled());
  scene.answer_get("tls", 12, "Yg==");
  CHECK(scene.sink.keys == Keys{{"shop/tls", "b"}});
  scene.server.line(scene.watch(), event_text("MODIFIED", metadata_text("other", 13)));
  CHECK_FALSE(scene.get("other"));
  // Deleted while it is being got: what comes of that is not taken.
  scene.server.line(scene.watch(), event_text("MODIFIED", metadata_text("tls", 14)));
  REQUIRE(scene.get("tls"));
  scene.server.line(scene.watch(), event_text("DELETED", metadata_text("tls", 15)));
  CHECK_FALSE(scene.get("tls"));
  CHECK(scene.sink.keys.empty());
  scene.server.line(scene.watch(), event_text("ADDED", metadata_text("tls", 16)));
  scene.answer_get("tls", 16, "Yg==");
  CHECK(scene.sink.keys == Keys{{"shop/tls", "b"}});
}

TEST_CASE("AnAnswerOlderThanTheEventIsAskedForAgain") {
  Scene scene;
  scene.secrets.want({{"shop", "tls"}});
  scene.answer_list(metadata_text("tls", 3));
  scene.server.line(scene.watch(), event_text("MODIFIED", metadata_text("tls", 12)));
  scene.answer_get("tls", 3);
  CHECK_FALSE(scene.get("tls"));
  scene.clock.pass(3s);
  scene.answer_get("tls", 12, "Yg==");
  CHECK(scene.sink.keys == Keys{{"shop/tls", "b"}});
  // One that is newer is not got twice when its event comes.
  scene.server.line(scene.watch(), event_text("MODIFIED", metadata_text("tls", 13)));
  scene.answer_get("tls", 14, "YQ==");
  scene.server.line(scene.watch(), event_text("MODIFIED", metadata_text("tls", 14)));
  CHECK_FALSE(scene.get("tls"));
}

TEST_CASE("AFailedGetKeepsWhatIsKnown") {
  Scene scene;
  scene.secrets.want({{"shop", "tls"}});
  scene.answer_list(metadata_text("tls", 3));
  for (int i = 0; i < 5; ++i) {
    REQUIRE(scene.get("tls"));
    if (i % 2 == 0) {
      scene.server.fail(scene.get("tls"));
    } else {
      scene.server.answer(scene.get("tls"), 500, "");
    }
    CHECK_FALSE(scene.secrets.is_settled());
    scene.clock.pass(3s);
  }
  CHECK(scene.secrets.trouble() != "");
  scene.answer_get("tls", 3);
  CHECK(scene.secrets.trouble() == "");
  scene.server.line(scene.watch(), event_text("MODIFIED", metadata_text("tls", 12)));
  scene.server.fail(scene.get("tls"));
  CHECK(scene.secrets.is_settled());
  CHECK(scene.sink.keys == Keys{{"shop/tls", "a"}});
  // An answer of another object is none.
  scene.clock.pass(3s);
  scene.server.answer(scene.get("tls"), 200, secret_text("other", 12));
  CHECK(scene.sink.keys == Keys{{"shop/tls", "a"}});
}

TEST_CASE("AMalformedSecretIsRefusedAndADeletedOneGone") {
  Scene scene;
  scene.secrets.want({{"shop", "tls"}});
  scene.answer_list(metadata_text("tls", 3));
  scene.answer_get("tls", 3, "%");
  CHECK(scene.sink.keys == Keys{{"shop/tls", "refused"}});
  CHECK(scene.secrets.is_settled());
  scene.server.line(scene.watch(), event_text("MODIFIED", metadata_text("tls", 12)));
  scene.server.answer(scene.get("tls"), 404, status_text(404, "NotFound"));
  CHECK(scene.sink.keys.empty());
}

TEST_CASE("WhatIsNotWantedAnyMoreIsRemoved") {
  Scene scene;
  scene.secrets.want({{"shop", "tls"}, {"shop", "two"}});
  scene.answer_list(metadata_text("tls", 3) + ',' + metadata_text("two", 4));
  scene.answer_get("tls", 3);
  scene.secrets.want({{"shop", "two"}});
  CHECK(scene.sink.keys.empty());
  scene.answer_get("two", 4);
  scene.secrets.want({});
  CHECK(scene.sink.keys.empty());
  CHECK(scene.server.num_open() == 0);
}

TEST_CASE("ARelistThatLacksASecretRemovesIt") {
  Scene scene;
  scene.secrets.want({{"shop", "tls"}, {"shop", "two"}});
  scene.answer_list(metadata_text("tls", 3) + ',' + metadata_text("two", 4));
  scene.answer_get("tls", 3);
  scene.answer_get("two", 4);
  scene.server.line(scene.watch(), event_text("ERROR", status_text(410, "Expired")));
  scene.clock.pass(3s);
  scene.answer_list(metadata_text("two", 20), 21);
  CHECK(scene.sink.keys == Keys{{"shop/two", "a"}});
  scene.answer_get("two", 20, "Yg==");
  CHECK(scene.sink.keys == Keys{{"shop/two", "b"}});
}

TEST_CASE("WhereListingIsForbiddenEachIsWatchedByName") {
  Scene scene;
  scene.secrets.want({{"shop", "tls"}, {"shop", "two"}});
  scene.forbid_list();
  CHECK_FALSE(scene.secrets.is_settled());
  const auto tls = scene.server.find("fieldSelector=metadata.name%3Dtls&limit");
  const auto two = scene.server.find("fieldSelector=metadata.name%3Dtwo&limit");
  REQUIRE(tls);
  REQUIRE(two);
  scene.server.answer(tls, 200, list_text("SecretList", 5, secret_text("tls", 3)));
  CHECK(scene.sink.keys == Keys{{"shop/tls", "a"}});
  CHECK(scene.secrets.problems().empty());
  // And one of them not even so.
  auto refused = two;
  for (int i = 0; i < 3; ++i) {
    refused = scene.server.find("fieldSelector=metadata.name%3Dtwo&limit");
    REQUIRE(refused);
    scene.server.answer(refused, 403,
                        status_text(403, "Forbidden", R"(User \"system:serviceaccount:in:proxyd\" cannot)"));
    if (i < 2) scene.clock.pass(3s);
  }
  CHECK(scene.secrets.is_settled());
  REQUIRE(scene.secrets.problems().size() == 1);
  CHECK(scene.secrets.problems()[0].fix.find(
            "create rolebinding proxyd-read-secrets-two --role=proxyd-read-secrets-two "
            "--serviceaccount=in:proxyd") != std::string::npos);
  CHECK(scene.secrets.problems()[0].fix.find("--resource-name=two") != std::string::npos);
  // Deleted: gone at once.
  const auto watch = scene.server.find("fieldSelector=metadata.name%3Dtls&watch");
  REQUIRE(watch);
  scene.server.line(watch, event_text("DELETED", secret_text("tls", 9)));
  CHECK(scene.sink.keys.empty());
  // The right to list is given: found, and nothing is asked for by name any more.
  scene.clock.pass(16s);
  scene.answer_list(metadata_text("tls", 30), 31);
  CHECK_FALSE(scene.server.find("fieldSelector"));
  scene.answer_get("tls", 30);
  CHECK(scene.sink.keys == Keys{{"shop/tls", "a"}});
}

TEST_CASE("WhereGettingIsForbiddenThatIsSaidAndTriedAgain") {
  Scene scene;
  scene.secrets.want({{"shop", "tls"}});
  scene.answer_list(metadata_text("tls", 3));
  scene.server.answer(scene.get("tls"), 403, status_text(403, "Forbidden"));
  CHECK(scene.secrets.is_settled());
  CHECK(scene.secrets.problems().size() == 1);
  scene.clock.pass(14s);
  CHECK_FALSE(scene.get("tls"));
  scene.clock.pass(2s);
  scene.answer_get("tls", 3);
  CHECK(scene.secrets.problems().empty());
  CHECK(scene.sink.keys == Keys{{"shop/tls", "a"}});
}

TEST_CASE("AsksForSixteenAtOnce") {
  Scene scene;
  SecretSource::Names names;
  std::string items;
  for (int i = 0; i < 100; ++i) {
    names.insert({"shop", "s" + std::to_string(i)});
    items += (i == 0 ? "" : ",") + metadata_text("s" + std::to_string(i), 3);
  }
  scene.secrets.want(names);
  scene.answer_list(items);
  for (int i = 0; i < 100; ++i) {
    CHECK(scene.server.num_open() <= 17);  // and the watch
    const auto get = scene.server.find("secrets/s");
    REQUIRE(get);
    const std::string name = get->request.path.substr(get->request.path.rfind('/') + 1);
    scene.server.answer(get, 200, secret_text(name, 3));
  }
  CHECK(scene.secrets.is_settled());
  CHECK(scene.sink.keys.size() == 100);
}
