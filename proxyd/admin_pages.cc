#include "proxyd/admin_pages.h"

#include <fmt/format.h>

#include "proxyd/json_text.h"

namespace proxyd {
namespace {

void append_problem(JsonWriter& json, const ingress::Problem& problem) {
  json.begin_object();
  json.key("severity");
  json.string(problem.severity == ingress::Severity::kError ? "error" : "warning");
  json.key("source");
  json.string(problem.source);
  json.key("object");
  json.begin_object();
  json.key("kind");
  json.string(problem.object.kind);
  json.key("namespace");
  json.string(problem.object.namespace_);
  json.key("name");
  json.string(problem.object.name);
  json.end_object();
  json.key("field");
  json.string(problem.field);
  json.key("why");
  json.string(problem.why);
  json.key("fix");
  json.string(problem.fix);
  json.end_object();
}

std::string_view to_text(ingress::EndpointCondition condition) {
  switch (condition) {
    case ingress::EndpointCondition::kUnprobed:
      return "unprobed";
    case ingress::EndpointCondition::kHealthy:
      return "healthy";
    case ingress::EndpointCondition::kUnhealthy:
      return "unhealthy";
    case ingress::EndpointCondition::kEjected:
      return "ejected";
  }
  return "unprobed";
}

void append_endpoint(JsonWriter& json, const ingress::EndpointStatus& endpoint) {
  json.begin_object();
  json.key("address");
  json.string(endpoint.address);
  json.key("port");
  json.number(endpoint.port);
  json.key("state");
  json.string(to_text(endpoint.condition));
  json.key("reason");
  json.string(endpoint.reason);
  json.key("since_unix_ms");
  json.number(static_cast<std::uint64_t>(endpoint.since_unix_ms));
  json.key("active_requests");
  json.number(endpoint.active_requests);
  json.key("idle_connections");
  json.number(endpoint.idle_connections);
  json.end_object();
}

void append_limit(JsonWriter& json, std::string_view name, const ingress::LimitStatus& limit) {
  json.key(name);
  json.begin_object();
  json.key("limit");
  json.number(limit.limit);
  json.key("current");
  json.number(limit.current);
  json.key("overflows");
  json.number(limit.overflows);
  json.end_object();
}

bool has_limits(const ingress::ClusterStatus& cluster) {
  return cluster.max_connections.limit != 0 || cluster.max_pending_requests.limit != 0 ||
         cluster.max_requests.limit != 0 || cluster.max_retries.limit != 0;
}

void append_limits(JsonWriter& json, const ingress::ClusterStatus& cluster) {
  json.key("circuit_breakers");
  json.begin_object();
  append_limit(json, "max_connections", cluster.max_connections);
  append_limit(json, "max_pending_requests", cluster.max_pending_requests);
  append_limit(json, "max_requests", cluster.max_requests);
  append_limit(json, "max_retries", cluster.max_retries);
  json.end_object();
}

}  // namespace

std::string clusters_page(std::span<const ingress::ClusterStatus> clusters) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("clusters");
  json.begin_array();
  for (const ingress::ClusterStatus& cluster : clusters) {
    json.begin_object();
    json.key("name");
    json.string(cluster.name);
    json.key("panic");
    json.boolean(cluster.is_panicking);
    json.key("endpoints");
    json.begin_array();
    for (const ingress::EndpointStatus& endpoint : cluster.endpoints) append_endpoint(json, endpoint);
    json.end_array();
    if (has_limits(cluster)) append_limits(json, cluster);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text + "\n";
}

std::string generation_page(const ingress::ServerStatus& status) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("published");
  json.number(status.published);
  json.key("workers");
  json.begin_array();
  for (const ingress::WorkerStatus& worker : status.workers) {
    json.begin_object();
    json.key("adopted");
    json.number(worker.adopted);
    json.key("views");
    json.number(worker.views);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return text + "\n";
}

std::string problems_page(std::span<const ingress::Problem> problems) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("problems");
  json.begin_array();
  for (const ingress::Problem& problem : problems) append_problem(json, problem);
  json.end_array();
  json.end_object();
  return text + "\n";
}

std::vector<std::string> reasons_not_ready(const ingress::ServerStatus& status) {
  std::vector<std::string> reasons;
  if (status.is_draining) reasons.push_back("shutting down");
  if (status.published == 0) {
    reasons.push_back("no configuration has been published yet");
    return reasons;
  }
  for (std::size_t i = 0; i < status.workers.size(); ++i)
    if (status.workers[i].adopted == 0)
      reasons.push_back(fmt::format("worker {} has not adopted the first configuration yet", i));
  return reasons;
}

std::string readiness_page(std::span<const std::string> reasons,
                           const std::optional<ControllerPresence>& controller) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("ready");
  json.boolean(reasons.empty());
  json.key("reasons");
  json.begin_array();
  for (const std::string& reason : reasons) json.string(reason);
  json.end_array();
  if (controller) {
    json.key("controller");
    json.begin_object();
    json.key("connected");
    json.boolean(controller->is_connected);
    json.key("why");
    json.string(controller->why);
    json.key("since_unix_ms");
    json.number(static_cast<std::uint64_t>(controller->since_unix_ms));
    json.end_object();
  }
  json.end_object();
  return text + "\n";
}

}  // namespace proxyd
