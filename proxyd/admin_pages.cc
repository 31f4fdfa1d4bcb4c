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

}  // namespace

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

std::string readiness_page(std::span<const std::string> reasons) {
  std::string text;
  JsonWriter json(text);
  json.begin_object();
  json.key("ready");
  json.boolean(reasons.empty());
  json.key("reasons");
  json.begin_array();
  for (const std::string& reason : reasons) json.string(reason);
  json.end_array();
  json.end_object();
  return text + "\n";
}

}  // namespace proxyd
