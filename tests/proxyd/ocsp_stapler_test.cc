// What goes through to the server, and what the stapler adds to it.
#include "proxyd/ocsp_stapler.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace proxyd {
namespace {

using ingress::Certificate;
using ingress::Error;
using ingress::ErrorCode;

class FakeServer final : public Publisher {
 public:
  Outcome publish(ingress::GatewayConfig config) override {
    if (std::exchange(should_refuse, false))
      return std::unexpected(std::vector<ingress::Problem>{{.why = "no"}});
    served = std::move(config);
    return ++generation;
  }
  Outcome apply(ingress::ConfigDelta delta) override {
    if (std::exchange(should_refuse, false))
      return std::unexpected(std::vector<ingress::Problem>{{.why = "no"}});
    ingress::apply(served, delta);
    return ++generation;
  }
  std::string response(const std::string& name) const {
    for (const Certificate& certificate : served.certificates)
      if (certificate.name == name) return certificate.ocsp_response;
    return "absent";
  }
  ingress::GatewayConfig served;
  ingress::Generation generation = 0;
  bool should_refuse = false;
};

struct Scene {
  std::unique_ptr<ingress::Loop> loop = std::move(*ingress::Loop::create());
  FakeServer server;
  ProblemBoard board;
  struct FakeFetch final : ingress::OcspClient::Fetch {
    FakeFetch(Scene& scene_in, std::string url_in) : scene(scene_in), url(std::move(url_in)) {}
    FakeFetch(const FakeFetch&) = delete;
    FakeFetch& operator=(const FakeFetch&) = delete;
    ~FakeFetch() override { scene.asked.erase(url); }
    Scene& scene;
    std::string url;
  };
  std::map<std::string, ingress::OcspClient::OnResponse> asked;  // under way, by URL
  OcspStapler stapler{
      *loop,
      server,
      board,
      [this](const ingress::OcspQuestion& question, ingress::OcspClient::OnResponse on_response) {
        asked.emplace(question.url, std::move(on_response));
        return std::make_unique<FakeFetch>(*this, question.url);
      },
      {.make_question = [](const Certificate& certificate) -> std::expected<ingress::OcspQuestion, Error> {
         if (certificate.chain.empty()) return std::unexpected(Error{.code = ErrorCode::kNotFound});
         return ingress::OcspQuestion{.url = certificate.chain, .request = "ask"};
       },
       .check_response = [](const Certificate&, std::string_view response,
                            OcspBook::Time now) -> std::expected<ingress::OcspAnswer, Error> {
         return ingress::OcspAnswer{
             .this_update = now, .next_update = now + std::chrono::hours(1), .text = std::string(response)};
       }}};

  // ctest's time limit ends a test whose wish never comes true.
  void run_until(const std::function<bool()>& done) {
    const auto look = loop->every(std::chrono::milliseconds(10), [&] {
      if (done()) loop->stop();
    });
    loop->run();
  }
  void answer(const std::string& url, std::expected<std::string, Error> response) {
    run_until([&] { return asked.contains(url); });
    auto on_response = std::move(asked.at(url));
    on_response(std::move(response));
  }
};

ingress::GatewayConfig with(std::vector<Certificate> certificates) {
  return {.certificates = std::move(certificates)};
}
Certificate certificate(const std::string& name, const std::string& url) {
  return {.name = name, .chain = url};
}

TEST_CASE("AnAnswerIsPublishedAndComesWithTheNextConfiguration") {
  Scene scene;
  const ingress::GatewayConfig config = with({certificate("a", "http://a/"), certificate("none", "")});
  REQUIRE(scene.stapler.publish(config));
  CHECK(scene.server.served == config);
  scene.answer("http://a/", "good");
  CHECK(scene.server.response("a") == "good");
  CHECK(scene.server.response("none").empty());
  CHECK(scene.asked.empty());
  REQUIRE(scene.stapler.publish(config));
  CHECK(scene.server.response("a") == "good");
  REQUIRE(scene.stapler.apply({.upsert_certificates = {certificate("a", "http://a/")}}));
  CHECK(scene.server.response("a") == "good");
  scene.run_until([&] { return scene.board.reading().stapling->num_answered == 1; });
  CHECK(scene.board.reading().stapling->num_certificates == 1);
  CHECK(scene.board.reading().problems.empty());
}

TEST_CASE("CertificatesOfADeltaAreAskedAboutAndThoseRemovedForgotten") {
  Scene scene;
  REQUIRE(scene.stapler.publish(with({})));
  REQUIRE(scene.stapler.apply(
      {.upsert_certificates = {certificate("a", "http://a/"), certificate("b", "http://b/")}}));
  scene.run_until([&] { return scene.asked.size() == 2; });
  REQUIRE(scene.stapler.apply({.remove_certificates = {"a"}}));
  scene.run_until([&] { return scene.asked.size() == 1; });  // the question is given up
  scene.answer("http://b/", "good");
  CHECK(scene.server.response("b") == "good");
  CHECK(scene.server.response("a") == "absent");
}

TEST_CASE("WhatTheServerRefusedIsNotAskedAbout") {
  Scene scene;
  REQUIRE(scene.stapler.publish(with({certificate("a", "http://a/")})));
  scene.server.should_refuse = true;
  CHECK_FALSE(scene.stapler.publish(with({certificate("b", "http://b/")})));
  scene.server.should_refuse = true;
  CHECK_FALSE(scene.stapler.apply({.upsert_certificates = {certificate("c", "http://c/")}}));
  scene.answer("http://a/", "good");
  CHECK(scene.server.response("a") == "good");
  CHECK(scene.server.served.certificates.size() == 1);
  CHECK(scene.asked.empty());
}

TEST_CASE("AFailureIsAProblemUntilItIsMended") {
  Scene scene;
  REQUIRE(scene.stapler.publish(with({certificate("a", "http://a/")})));
  scene.answer("http://a/", std::unexpected(Error{.code = ErrorCode::kTimeout, .what = "late"}));
  scene.run_until([&] { return scene.board.reading().problems.size() == 1; });
  scene.board.replace({{.why = "another"}}, 0);
  CHECK(scene.board.reading().problems.size() == 2);
  CHECK(scene.server.response("a").empty());
  scene.stapler.ask_again();
  scene.answer("http://a/", "good");
  scene.run_until([&] { return scene.board.reading().problems.size() == 1; });
  CHECK(scene.board.reading().problems[0].why == "another");
  CHECK(scene.board.reading().stapling->num_fetches_failed == 1);
}

}  // namespace
}  // namespace proxyd
