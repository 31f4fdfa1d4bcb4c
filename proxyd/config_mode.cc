#include "proxyd/config_mode.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/syntax.h"
#include "proxyd/log.h"

namespace proxyd {

namespace {

void report_local_endpoints(const ingress::GatewayConfig& config, std::vector<ingress::Problem>& problems) {
  using ingress::controller::IpScope;
  for (std::size_t i = 0; i < config.clusters.size(); ++i) {
    const ingress::Cluster& cluster = config.clusters[i];
    for (std::size_t j = 0; j < cluster.endpoints.size(); ++j) {
      const auto ip = ingress::controller::parse_ip(cluster.endpoints[j].address);
      if (!ip || ip->scope == IpScope::kUsable) continue;
      problems.push_back({.severity = ingress::Severity::kWarning,
                          .object = cluster.origin,
                          .field = fmt::format("clusters[{}].endpoints[{}].address", i, j),
                          .why = fmt::format("is {}, a local address: it is not connected to", ip->text),
                          .fix = "use the address of another machine, or run with --allow-local-backends"});
    }
  }
}

// What is wrong inside of certificates and keys: validate() does not read them.
void report_contents(const ingress::GatewayConfig& config, Stapling stapling,
                     std::vector<ingress::Problem>& problems) {
  for (std::size_t i = 0; i < config.clusters.size(); ++i) {
    const ingress::Cluster& cluster = config.clusters[i];
    for (ingress::Problem problem : ingress::check_backend_tls(cluster)) {
      if (problem.object == ingress::Origin{}) problem.object = {"Cluster", "", cluster.name};
      problem.field = fmt::format("clusters[{}].{}", i, problem.field);
      problems.push_back(std::move(problem));
    }
  }
  for (std::size_t i = 0; i < config.certificates.size(); ++i) {
    const ingress::Certificate& certificate = config.certificates[i];
    for (ingress::Problem problem : check_certificate(certificate, stapling)) {
      problem.object = certificate.origin;
      if (problem.object == ingress::Origin{}) problem.object = {"Certificate", "", certificate.name};
      problem.field = fmt::format("certificates[{}]{}{}", i, problem.field.empty() ? "" : ".", problem.field);
      problems.push_back(std::move(problem));
    }
  }
}

// The same of what clients are asked for.
void report_client_certificates(const ingress::GatewayConfig& config,
                                std::vector<ingress::Problem>& problems) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const ingress::Listener& listener = config.listeners[i];
    if (!listener.tls || !listener.tls->client_certificates) continue;
    for (ingress::Problem problem : ingress::check_client_certificates(*listener.tls->client_certificates)) {
      problem.object = {"Listener", "", listener.name};
      problem.field = fmt::format("listeners[{}].tls.client_certificates.{}", i, problem.field);
      problems.push_back(std::move(problem));
    }
  }
  for (std::size_t i = 0; i < config.tls_policies.size(); ++i) {
    const ingress::TlsPolicy& policy = config.tls_policies[i];
    if (!policy.client_certificates) continue;
    for (ingress::Problem problem : ingress::check_client_certificates(*policy.client_certificates)) {
      problem.object = policy.origin;
      if (problem.object == ingress::Origin{}) problem.object = {"TlsPolicy", "", policy.name};
      problem.field = fmt::format("tls_policies[{}].client_certificates.{}", i, problem.field);
      problems.push_back(std::move(problem));
    }
  }
}

}  // namespace

std::pair<std::string, std::string> split_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

ReadConfig read_config(const std::string& text, const std::string& name,
                       ingress::LocalBackends local_backends, Stapling stapling) {
  const auto format = name.ends_with(".json") ? ingress::ConfigFormat::kJson : ingress::ConfigFormat::kYaml;
  ReadConfig result;
  if (auto config = ingress::parse_config(text, format)) {
    result.problems = ingress::validate(*config);
    if (local_backends == ingress::LocalBackends::kRefused) report_local_endpoints(*config, result.problems);
    const auto is_error = [](const ingress::Problem& p) { return p.severity == ingress::Severity::kError; };
    // What cannot be served for its form alone would only be named twice.
    if (std::ranges::none_of(result.problems, is_error)) {
      report_contents(*config, stapling, result.problems);
      report_client_certificates(*config, result.problems);
    }
    if (std::ranges::none_of(result.problems, is_error)) result.config = std::move(*config);
  } else {
    result.problems = std::move(config.error());
  }
  for (ingress::Problem& problem : result.problems)
    if (problem.source.empty()) problem.source = name;
  return result;
}

ConfigMode::ConfigMode(ingress::Loop& loop, const std::string& path, ingress::LocalBackends local_backends,
                       Publisher& publisher, ProblemBoard& board, OnHopeless on_hopeless, Stapling stapling)
    : local_backends_(local_backends),
      stapling_(stapling),
      publisher_(publisher),
      board_(board),
      on_hopeless_(std::move(on_hopeless)),
      files_(loop, FileScanner(split_path(path).first, split_path(path).second), *this,
             [](FileSource::Pending) {}) {}

void ConfigMode::update_file(const std::string& source, std::string text) {
  ReadConfig read = read_config(text, source, local_backends_, stapling_);
  if (!read.config) {
    board_.count_reload(ProblemBoard::Reload::kFailed);
    return show(std::move(read.problems), Stays::kLastGood);
  }
  auto outcome = publisher_.publish(std::move(*read.config));
  board_.count_reload(outcome ? ProblemBoard::Reload::kOk : ProblemBoard::Reload::kFailed);
  if (outcome) {
    has_served_ = true;
    return show(std::move(read.problems), Stays::kNothing);
  }
  show(outcome.error(), Stays::kLastGood);
  if (!has_served_ && on_hopeless_) std::exchange(on_hopeless_, nullptr)(outcome.error());
}

void ConfigMode::refuse_file(const std::string& source, std::string why, std::string fix) {
  board_.count_reload(ProblemBoard::Reload::kFailed);
  show({{.source = source, .why = std::move(why), .fix = std::move(fix)}}, Stays::kLastGood);
}

// Not called for a file that was named: its absence is an errno, so the last configuration stays.
void ConfigMode::remove_file(const std::string& source) {
  refuse_file(source, "the file is gone", "restore it");
}

// A file that was named is looked at without reading its folder.
void ConfigMode::refuse_folder(std::string why) {
  if (!why.empty())
    show({{.source = ".", .why = std::move(why), .fix = "make the folder readable"}}, Stays::kLastGood);
}

void ConfigMode::show(std::vector<ingress::Problem> problems, Stays stays) {
  const auto added = board_.replace(std::move(problems), 0);
  log_problems(added);
  if (!added.empty() && has_served_ && stays == Stays::kLastGood)
    log_line("the last good configuration stays in use");
}

}  // namespace proxyd
