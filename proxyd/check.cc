#include "proxyd/check.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "controller/reconciler.h"
#include "proxyd/admin_pages.h"
#include "proxyd/config_mode.h"
#include "proxyd/file_scanner.h"
#include "proxyd/json_text.h"

namespace proxyd {
namespace {

using Clock = ingress::controller::Reconciler::Clock;

class NullSink final : public ingress::controller::ConfigSink {
 public:
  std::vector<ingress::Problem> apply(const ingress::ConfigDelta&) override { return {}; }
};

class ManifestCheck final : public FileSink {
 public:
  explicit ManifestCheck(const ingress::controller::TranslateOptions& options)
      : reconciler_(options, sink_) {}
  void update_file(const std::string& source, std::string text) override {
    reconciler_.update_source(source, ingress::controller::read_manifest(text, source), Clock::now());
  }
  void refuse_file(const std::string& source, std::string why, std::string fix) override {
    unreadable_.push_back({.source = source, .why = std::move(why), .fix = std::move(fix)});
  }
  void remove_file(const std::string&) override {}
  void refuse_folder(std::string why) override { folder_error_ = std::move(why); }

  std::expected<std::vector<ingress::Problem>, std::string> finish() {
    if (!folder_error_.empty()) return std::unexpected(folder_error_);
    reconciler_.reconcile();
    auto problems = reconciler_.problems();
    problems.insert(problems.end(), unreadable_.begin(), unreadable_.end());
    return problems;
  }

 private:
  NullSink sink_;
  ingress::controller::Reconciler reconciler_;
  std::vector<ingress::Problem> unreadable_;
  std::string folder_error_;
};

class ConfigCheck final : public FileSink {
 public:
  explicit ConfigCheck(ingress::LocalBackends local_backends) : local_backends_(local_backends) {}
  void update_file(const std::string& source, std::string text) override {
    problems_ = read_config(text, source, local_backends_).problems;
  }
  void refuse_file(const std::string&, std::string why, std::string) override {
    problems_ = std::unexpected(std::move(why));
  }
  void remove_file(const std::string&) override {}
  void refuse_folder(std::string why) override { problems_ = std::unexpected(std::move(why)); }

  std::expected<std::vector<ingress::Problem>, std::string> finish() { return std::move(problems_); }

 private:
  const ingress::LocalBackends local_backends_;
  std::expected<std::vector<ingress::Problem>, std::string> problems_ =
      std::unexpected("the file was changing while it was read");
};

}  // namespace

std::expected<std::vector<ingress::Problem>, std::string> find_problems(const InputOptions& input) {
  const auto now = FileScanner::Clock::now();
  if (!input.config_file.empty()) {
    auto [folder, name] = split_path(input.config_file);
    ConfigCheck check(input.local_backends);
    FileScanner(folder, name, FileScanner::Clock::duration::zero()).scan(now, check);
    return check.finish();
  }
  ManifestCheck check(input.translate);
  FileScanner(input.manifests_dir, std::nullopt, FileScanner::Clock::duration::zero()).scan(now, check);
  return check.finish();
}

std::string problems_text(const std::vector<ingress::Problem>& problems) {
  std::string text;
  for (const ingress::Problem& problem : problems) {
    std::string where = problem.severity == ingress::Severity::kError ? "error" : "warning";
    const ingress::Origin& object = problem.object;
    if (!problem.source.empty()) where += "  " + problem.source;
    if (!object.kind.empty() || !object.name.empty()) {
      const char* slash = object.namespace_.empty() ? "" : "/";
      where += fmt::format("  {} {}{}{}", object.kind, object.namespace_, slash, object.name);
    }
    if (!problem.field.empty()) where += "  " + problem.field;
    text += fmt::format("{}\n    why: {}\n", to_log_text(where), to_log_text(problem.why));
    if (!problem.fix.empty()) text += fmt::format("    fix: {}\n", to_log_text(problem.fix));
  }
  if (problems.empty()) return "no problems\n";
  return text + fmt::format("{} problem{}\n", problems.size(), problems.size() == 1 ? "" : "s");
}

int run_check(const CheckOptions& options) {
  const auto problems = find_problems(options.input);
  if (!problems) {
    const std::string& path =
        options.input.config_file.empty() ? options.input.manifests_dir : options.input.config_file;
    fmt::print(stderr, "proxyd: {}: {}\n", to_log_text(path), to_log_text(problems.error()));
    return 2;
  }
  const bool is_json = options.output == OutputFormat::kJson;
  fmt::print("{}", is_json ? problems_page(*problems) : problems_text(*problems));
  return problems->empty() ? 0 : 1;
}

}  // namespace proxyd
