#include "proxyd/kube/reflector.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kube_reflector_scene.h"

using namespace proxyd;
using namespace proxyd::test;
using namespace std::chrono_literals;
using ingress::controller::KubeForm;

TEST_CASE("ListsInPagesAndWatchesFromWhereTheListEnded") {
  Scene scene;
  CHECK(scene.path() == "/api/v1/namespaces/shop/services?limit=500");
  scene.answer_list(10, service_text("a", 3, 1), "to/k=");
  CHECK(scene.objects.num_lists == 0);
  CHECK_FALSE(scene.reflector.is_settled());
  CHECK(scene.path() == "/api/v1/namespaces/shop/services?limit=500&continue=to%2Fk%3D");
  scene.answer_list(10, service_text("b", 4, 2));
  CHECK(scene.objects.ports == Ports{{"a", 1}, {"b", 2}});
  CHECK(scene.reflector.is_settled());
  CHECK(scene.path() ==
        "/api/v1/namespaces/shop/"
        "services?watch=1&allowWatchBookmarks=true&resourceVersion=10&timeoutSeconds=20");
}

TEST_CASE("FollowsEvents") {
  Scene scene;
  scene.settle();
  scene.line(event_text("ADDED", service_text("c", 11, 3)));
  scene.line(event_text("MODIFIED", service_text("a", 12, 5)));
  scene.line(event_text("DELETED", service_text("b", 13)));
  CHECK(scene.objects.ports == Ports{{"a", 5}, {"c", 3}});
  CHECK(scene.objects.num_changes == 3);
  CHECK(scene.counters.objects == 2);
}

TEST_CASE("RepeatedAndOlderEventsDoNothing") {
  Scene scene;
  scene.settle();
  const std::string added = event_text("ADDED", service_text("c", 11, 3));
  scene.line(added);
  scene.line(added);
  scene.line(event_text("MODIFIED", service_text("a", 15, 5)));
  scene.line(event_text("MODIFIED", service_text("a", 14, 4)));
  scene.line(event_text("DELETED", service_text("a", 2)));
  scene.line(event_text("DELETED", service_text("c", 16)));
  scene.line(added);
  scene.line(event_text("ADDED", service_text("gone-before-the-list", 9)));
  CHECK(scene.objects.ports == Ports{{"a", 5}, {"b", 2}});
  CHECK(scene.objects.num_changes == 3);
  CHECK(scene.counters.stale_events == 5);
}

TEST_CASE("EventsInAnyOrderEndTheSame") {
  // Add, change, remove and add again, in every order.
  std::vector<std::string> events{
      event_text("ADDED", service_text("c", 11, 1)), event_text("MODIFIED", service_text("c", 12, 2)),
      event_text("DELETED", service_text("c", 13, 2)), event_text("ADDED", service_text("c", 14, 4))};
  std::sort(events.begin(), events.end());
  do {
    Scene scene;
    scene.settle();
    for (const std::string& event : events) scene.line(event);
    CHECK(scene.objects.ports == Ports{{"a", 1}, {"b", 2}, {"c", 4}});
  } while (std::next_permutation(events.begin(), events.end()));
}

TEST_CASE("ADisorderedWatchIsFollowedByAList") {
  Scene scene;
  scene.settle();
  scene.line(event_text("ADDED", service_text("d", 13)));
  scene.line(event_text("ADDED", service_text("c", 12)));
  scene.clock.pass(20s);
  scene.server.answer(scene.request(), 200, "");
  CHECK_FALSE(scene.is_watching());
  CHECK(scene.objects.ports.size() == 4);
}

TEST_CASE("BookmarksAloneMoveTheWatchOn") {
  Scene scene;
  scene.settle();
  scene.line(bookmark_text(50));
  scene.clock.pass(20s);
  scene.server.answer(scene.request(), 200, "");
  REQUIRE(scene.is_watching());
  CHECK(scene.path().find("resourceVersion=50&") != std::string::npos);
  CHECK(scene.objects.num_changes == 0);
  CHECK(scene.objects.num_lists == 1);
}

TEST_CASE("AResetWatchGoesOnWhereItWas") {
  Scene scene;
  scene.settle();
  scene.line(event_text("ADDED", service_text("c", 11)));
  scene.server.fail(scene.request());
  CHECK(scene.server.num_open() == 0);
  scene.clock.pass(100ms);
  REQUIRE(scene.is_watching());
  CHECK(scene.path().find("resourceVersion=11&") != std::string::npos);
}

TEST_CASE("AnExpiredWatchIsListedAnewWithoutEverBeingEmpty") {
  for (const bool is_event : {true, false}) {
    CAPTURE(is_event);
    Scene scene;
    scene.settle();
    if (is_event) {
      scene.line(event_text("ERROR", status_text(410, "Expired")));
    } else {
      scene.server.answer(scene.request(), 410, status_text(410, "Expired"));
    }
    scene.clock.pass(100ms);
    CHECK(scene.path() == "/api/v1/namespaces/shop/services?limit=500");
    CHECK(scene.objects.ports.size() == 2);
    scene.answer_list(60, service_text("b", 55, 9), "more");
    CHECK(scene.objects.ports == Ports{{"a", 1}, {"b", 2}});
    // In the middle of the pages the token expires: from the beginning.
    scene.server.answer(scene.request(), 410, status_text(410, "Expired"));
    scene.clock.pass(3s);
    CHECK(scene.path() == "/api/v1/namespaces/shop/services?limit=500");
    CHECK(scene.objects.ports == Ports{{"a", 1}, {"b", 2}});
    // What was deleted meanwhile is gone with the last page.
    scene.answer_list(61, service_text("b", 55, 9));
    CHECK(scene.objects.ports == Ports{{"b", 9}});
    CHECK(scene.is_watching());
    CHECK(scene.counters.relists == 1);
  }
}

TEST_CASE("AnOlderListIsNotTakenUnlessTheServerInsists") {
  Scene scene;
  scene.settle();
  scene.line(event_text("ADDED", service_text("c", 90, 3)));
  scene.line(event_text("ERROR", status_text(410, "Expired")));
  for (int i = 0; i < 3; ++i) {
    scene.clock.pass(3s);
    scene.answer_list(50, service_text("a", 3, 1));
    CHECK(scene.objects.ports.size() == 3);
  }
  // Restored from a backup: this is the state now.
  scene.clock.pass(3s);
  scene.answer_list(50, service_text("a", 3, 1));
  CHECK(scene.objects.ports == Ports{{"a", 1}});
  scene.line(event_text("ADDED", service_text("c", 51, 4)));
  CHECK(scene.objects.ports.size() == 2);
}

TEST_CASE("FailuresAreRetriedWithinThreeSecondsForEver") {
  Scene scene;
  scene.clock.set_random(0.999);
  for (int i = 0; i < 50; ++i) {
    switch (i % 4) {
      case 0:
        scene.server.fail(scene.request());
        break;
      case 1:
        scene.server.answer(scene.request(), 500, "oops");
        break;
      case 2:
        scene.server.answer(scene.request(), 200, "<html>");
        break;
      default:
        scene.server.answer(scene.request(), 401, "");
        break;
    }
    CHECK(scene.server.num_open() == 0);
    if (i > 4) CHECK(scene.reflector.trouble() != "");
    scene.clock.pass(3s);
  }
  scene.settle();
  CHECK(scene.reflector.trouble() == "");
}

TEST_CASE("RetryAfterIsWaitedFor") {
  Scene scene;
  scene.server.answer(scene.request(), KubeAnswer{.status = 429, .body = {}, .retry_after = 5s});
  scene.clock.pass(4900ms);
  CHECK(scene.server.num_open() == 0);
  scene.clock.pass(200ms);
  scene.settle();
  // Of a watch too; and nobody makes us wait for a day.
  scene.server.answer(scene.request(), KubeAnswer{.status = 429, .body = {}, .retry_after = 24h});
  scene.clock.pass(29s);
  CHECK(scene.server.num_open() == 0);
  scene.clock.pass(2s);
  CHECK(scene.is_watching());
}

TEST_CASE("SilenceIsNoticedWithinThirtySeconds") {
  Scene scene;
  scene.clock.set_random(0.999);
  scene.settle();
  const auto silent = scene.request();
  // Slow bytes look like life to the transport, but are no line.
  scene.clock.pass(29s);
  CHECK_FALSE(scene.server.is_open(silent));
  CHECK(scene.is_watching());
  CHECK(scene.path().find("resourceVersion=10&") != std::string::npos);
}

TEST_CASE("ASlowServerGetsMoreTimeAndASilentOneIsGivenUpSoon") {
  Scene scene;
  for (const auto patience : {4s, 8s, 16s, 16s}) {
    CHECK(scene.request()->request.timeout == patience);
    scene.server.fail(scene.request(), ingress::ErrorCode::kTimeout);
    scene.clock.pass(3s);
  }
  scene.settle();
  for (const auto patience : {4s, 8s, 16s}) {
    CHECK(scene.request()->request.timeout == patience);
    scene.server.fail(scene.request(), ingress::ErrorCode::kTimeout);
    scene.clock.pass(3s);
  }
  scene.line(bookmark_text(11));
  scene.server.fail(scene.request(), ingress::ErrorCode::kTimeout);
  scene.clock.pass(3s);
  CHECK(scene.request()->request.timeout == 4s);
}

TEST_CASE("AServerThatEndsWatchesAtOnceIsNotAskedInALoop") {
  Scene scene;
  scene.settle();
  std::size_t before = scene.server.paths.size();
  for (int i = 0; i < 1000; ++i) {
    if (scene.server.num_open() == 1) scene.server.answer(scene.request(), 200, "");
    scene.clock.pass(10ms);
  }
  CHECK(scene.server.paths.size() - before < 20);  // in 10 s
}

TEST_CASE("ALineThatIsNeverUnderstoodIsPassedByAList") {
  Scene scene;
  scene.settle();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(scene.is_watching());
    scene.line("{");
    scene.clock.pass(3s);
  }
  CHECK_FALSE(scene.is_watching());
  scene.answer_list(12, service_text("a", 3, 1));
  CHECK(scene.is_watching());
}

TEST_CASE("AServerThatIsDownDoesNotMakeAListNecessary") {
  Scene scene;
  scene.settle();
  for (int i = 0; i < 100; ++i) {
    scene.server.fail(scene.request(), ingress::ErrorCode::kConnectFailed);
    scene.clock.pass(3s);
    REQUIRE(scene.is_watching());
  }
  CHECK(scene.reflector.trouble() != "");
  CHECK(scene.objects.ports.size() == 2);
  scene.line(bookmark_text(11));
  CHECK(scene.reflector.trouble() == "");
}

TEST_CASE("WhatIsForbiddenSettlesSaysHowToGrantItAndIsFoundWhenGranted") {
  Scene scene;
  const std::string refusal =
      R"(services is forbidden: User \"system:serviceaccount:in:proxyd\" cannot list resource)";
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(scene.reflector.is_settled());
    scene.server.answer(scene.request(), 403, status_text(403, "Forbidden", refusal));
    if (i < 2) scene.clock.pass(3s);
  }
  CHECK(scene.reflector.state() == Reflector::State::kForbidden);
  REQUIRE(scene.reflector.problems().size() == 1);
  CHECK(scene.reflector.problems()[0].fix ==
        "kubectl -n shop create role proxyd-read-services --verb=get,list,watch --resource=services; "
        "kubectl -n shop create rolebinding proxyd-read-services --role=proxyd-read-services "
        "--serviceaccount=in:proxyd");
  CHECK(scene.reflector.problems()[0].why.find("cannot list resource") != std::string::npos);
  scene.clock.pass(14s);
  CHECK(scene.server.num_open() == 0);
  scene.clock.pass(3s);
  scene.settle();
  CHECK(scene.reflector.problems().empty());
  CHECK(scene.reflector.state() == Reflector::State::kSynced);
}

TEST_CASE("ARightTakenAwayKeepsWhatIsKnown") {
  Scene scene;
  scene.settle();
  scene.server.answer(scene.request(), 403, status_text(403, "Forbidden"));
  scene.clock.pass(3s);
  scene.server.answer(scene.request(), 403, status_text(403, "Forbidden"));
  scene.clock.pass(3s);
  scene.server.answer(scene.request(), 403, status_text(403, "Forbidden"));
  CHECK(scene.reflector.state() == Reflector::State::kSynced);
  CHECK(scene.reflector.problems().size() == 1);
  CHECK(scene.objects.ports.size() == 2);
}

TEST_CASE("AKindThatIsAbsentSettles") {
  Scene scene({.kind = kube_kinds::kEndpointSlice});
  for (int i = 0; i < 3; ++i) {
    CHECK(scene.path() == "/apis/discovery.k8s.io/v1/endpointslices?limit=500");
    scene.server.answer(scene.request(), 404, "404 page not found");
    if (i < 2) scene.clock.pass(3s);
  }
  CHECK(scene.reflector.state() == Reflector::State::kAbsent);
  REQUIRE(scene.reflector.problems().size() == 1);
  CHECK(scene.reflector.problems()[0].why.find("endpointslices.discovery.k8s.io") != std::string::npos);
}

TEST_CASE("PagesThatAreTooLargeBecomeSmaller") {
  Scene scene;
  scene.server.fail(scene.request(), ingress::ErrorCode::kTooLarge);
  scene.clock.pass(3s);
  CHECK(scene.path() == "/api/v1/namespaces/shop/services?limit=250");
  for (int i = 0; i < 20; ++i) {
    scene.server.fail(scene.request(), ingress::ErrorCode::kTooLarge);
    scene.clock.pass(3s);
  }
  CHECK(scene.path() == "/api/v1/namespaces/shop/services?limit=1");
}

TEST_CASE("AListWithoutEndIsRefused") {
  FakeKubeClock clock;
  FakeKubeTransport server;
  Objects objects;
  KindCounters counters;
  Reflector reflector({.kind = kube_kinds::kService}, server, clock, objects, counters,
                      {.page_items = 2, .max_items = 10});
  reflector.list_now();
  for (int i = 0; i < 6; ++i) {
    REQUIRE(server.num_open() == 1);
    server.answer(server.last(), 200,
                  list_text("ServiceList", 5, service_text("a", 3) + ',' + service_text("b", 3), "again"));
  }
  CHECK(server.num_open() == 0);
  CHECK(objects.num_lists == 0);
}

TEST_CASE("SelectorsAndFormsAreAskedFor") {
  Scene scene({.kind = kube_kinds::kSecret,
               .namespace_ = "shop",
               .label_selector = "a in (b,c)",
               .name = "tls",
               .form = KubeForm::kMetadata});
  CHECK(scene.path() ==
        "/api/v1/namespaces/shop/secrets?fieldSelector=metadata.name%3Dtls&labelSelector=a%20in%20%28b%2Cc%29"
        "&limit=500");
  CHECK(scene.request()->request.accept ==
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1");
  scene.server.answer(scene.request(), 200, list_text("PartialObjectMetadataList", 5, ""));
  // Of one object in each line: with the list's kind, the API server ends the watch at once.
  CHECK(scene.request()->request.accept == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
}
