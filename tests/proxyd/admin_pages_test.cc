#include "proxyd/admin_pages.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace proxyd {
namespace {

TEST_CASE("GenerationPageNamesEveryWorker") {
  ingress::ServerStatus status;
  CHECK(generation_page(status) == "{\"published\":0,\"workers\":[]}\n");
  status.published = 7;
  status.workers = {{.adopted = 7, .views = 1}, {.adopted = 6, .views = 2}};
  CHECK(generation_page(status) ==
        "{\"published\":7,\"workers\":[{\"adopted\":7,\"views\":1},{\"adopted\":6,\"views\":2}]}\n");
}

TEST_CASE("ClustersPageTellsStateLoadAndLimits") {
  CHECK(clusters_page({}) == "{\"clusters\":[]}\n");
  const std::vector<ingress::ClusterStatus> clusters = {
      {.name = "a\"b",
       .endpoints = {{.address = "::1",
                      .port = 80,
                      .condition = ingress::EndpointCondition::kEjected,
                      .reason = "success_rate",
                      .since_unix_ms = 5,
                      .active_requests = 1,
                      .idle_connections = 2}},
       .is_panicking = true,
       .max_connections = {.limit = 3, .current = 2, .overflows = 1}}};
  CHECK(
      clusters_page(clusters) ==
      R"({"clusters":[{"name":"a\"b","panic":true,"endpoints":[{"address":"::1","port":80,"state":"ejected",)"
      R"("reason":"success_rate","since_unix_ms":5,"active_requests":1,"idle_connections":2}],)"
      R"("circuit_breakers":{"max_connections":{"limit":3,"current":2,"overflows":1},)"
      R"("max_pending_requests":{"limit":0,"current":0,"overflows":0},)"
      R"("max_requests":{"limit":0,"current":0,"overflows":0},)"
      R"("max_retries":{"limit":0,"current":0,"overflows":0}}}]})"
      "\n");
}

TEST_CASE("ClustersPageHasBreakersOnlyWhereThereIsALimit") {
  // Nothing is counted without one, and zeros would say that nothing runs.
  CHECK(clusters_page(std::vector<ingress::ClusterStatus>{{.name = "a"}}) ==
        R"({"clusters":[{"name":"a","panic":false,"endpoints":[]}]})"
        "\n");
  for (const auto limit :
       {&ingress::ClusterStatus::max_connections, &ingress::ClusterStatus::max_pending_requests,
        &ingress::ClusterStatus::max_requests, &ingress::ClusterStatus::max_retries}) {
    std::vector<ingress::ClusterStatus> clusters = {{.name = "a"}};
    (clusters[0].*limit).limit = 9;
    const std::string page = clusters_page(clusters);
    CHECK(page.find(R"("circuit_breakers":{"max_connections":)") != page.npos);
    CHECK(page.find(R"({"limit":9,"current":0,"overflows":0})") != page.npos);
  }
}

TEST_CASE("ProblemsPageHasAllFieldsAlways") {
  CHECK(problems_page({}) == "{\"problems\":[]}\n");
  const std::vector<ingress::Problem> problems = {{.source = "a.yaml",
                                                   .object = {"Ingress", "default", "shop"},
                                                   .field = "spec.tls",
                                                   .why = "no \"TLS\"",
                                                   .fix = "wait"},
                                                  {.severity = ingress::Severity::kWarning, .why = "odd"}};
  CHECK(
      problems_page(problems) ==
      R"({"problems":[{"severity":"error","source":"a.yaml","object":{"kind":"Ingress","namespace":"default",)"
      R"("name":"shop"},"field":"spec.tls","why":"no \"TLS\"","fix":"wait"},{"severity":"warning","source":"",)"
      R"("object":{"kind":"","namespace":"","name":""},"field":"","why":"odd","fix":""}]})"
      "\n");
}

TEST_CASE("ReadyOnlyWhenEveryWorkerAdoptedSomething") {
  ingress::ServerStatus status;
  status.workers = {{}, {}};
  CHECK(reasons_not_ready(status) == std::vector<std::string>{"no configuration has been published yet"});
  status.published = 1;
  status.workers[0].adopted = 1;
  CHECK(reasons_not_ready(status) ==
        std::vector<std::string>{"worker 1 has not adopted the first configuration yet"});
  status.workers[1].adopted = 1;
  CHECK(reasons_not_ready(status).empty());
  status.published = 2;  // a later one may still be on its way
  CHECK(reasons_not_ready(status).empty());
  status.is_draining = true;
  CHECK(reasons_not_ready(status) == std::vector<std::string>{"shutting down"});
}

TEST_CASE("ReadinessPageGivesReasons") {
  CHECK(readiness_page({}) == "{\"ready\":true,\"reasons\":[]}\n");
  const std::vector<std::string> reasons = {"shutting down"};
  CHECK(readiness_page(reasons) == "{\"ready\":false,\"reasons\":[\"shutting down\"]}\n");
}

TEST_CASE("MetricsPageIsPrometheusText") {
  ingress::Metrics server;
  server.push_back({.name = "requests_total",
                    .help = "Requests.",
                    .type = ingress::MetricType::kCounter,
                    .samples = {{.labels = {{"listener", "http-0"}}, .value = 3}}});
  server.push_back({.name = "duration_seconds",
                    .help = "Time.",
                    .type = ingress::MetricType::kHistogram,
                    .samples = {{.value = 0.5, .buckets = {{0.1, 1}, {1, 2}}, .count = 3}}});
  DaemonReading daemon;
  daemon.board.problems = {{.why = "x"}, {.severity = ingress::Severity::kWarning, .why = "y"}};
  daemon.board.num_ignored_ingresses = 4;
  daemon.board.stapling = {
      .num_certificates = 9, .num_answered = 8, .num_fetches_ok = 11, .num_fetches_failed = 12};
  daemon.board.num_reloads_ok = 5;
  daemon.board.num_reloads_failed = 6;
  daemon.num_log_lines_dropped = 7;
  daemon.version = "1.2.3";
  const std::string text = metrics_page(server, daemon) + controller_metrics_text(daemon.board);
  for (const char* line : {
           "# HELP proxyd_requests_total Requests.\n",
           "# TYPE proxyd_requests_total counter\n",
           "proxyd_requests_total{listener=\"http-0\"} 3\n",
           "proxyd_duration_seconds_count 3\n",
           "proxyd_duration_seconds_sum 0.5\n",
           "proxyd_duration_seconds_bucket{le=\"1\"} 2\n",
           "proxyd_duration_seconds_bucket{le=\"+Inf\"} 3\n",
           "proxyd_config_problems{severity=\"error\"} 1\n",
           "proxyd_config_problems{severity=\"warning\"} 1\n",
           "proxyd_ignored_ingresses 4\n",
           "proxyd_config_reloads_total{outcome=\"ok\"} 5\n",
           "proxyd_config_reloads_total{outcome=\"failed\"} 6\n",
           "proxyd_config_last_reload_timestamp_seconds 0\n",
           "proxyd_access_log_dropped_total 7\n",
           "proxyd_ocsp_certificates{response=\"valid\"} 8\n",
           "proxyd_ocsp_certificates{response=\"none\"} 1\n",
           "proxyd_ocsp_fetches_total{outcome=\"ok\"} 11\n",
           "proxyd_ocsp_fetches_total{outcome=\"failed\"} 12\n",
           "proxyd_ready 0\n",
           "proxyd_build_info{version=\"1.2.3\"} 1\n",
       }) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

}  // namespace
}  // namespace proxyd
