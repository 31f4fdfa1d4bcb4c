#include "proxyd/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "proxyd/json_text.h"

namespace proxyd {
namespace {

constexpr std::size_t kMaxProblemLines = 20;

}  // namespace

void log_line(std::string_view line) {
  const std::string text = "proxyd: " + to_log_text(line) + "\n";
  // Nothing can be done about a stderr that is gone.
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

std::string to_line(const ingress::Problem& problem) {
  std::string line = problem.severity == ingress::Severity::kError ? "error" : "warning";
  const auto add = [&](std::string_view separator, std::string_view text) {
    if (!text.empty()) line += fmt::format("{}{}", separator, text);
  };
  add(": ", problem.source);
  add(": ", problem.object.kind);
  add(" ", problem.object.namespace_);
  add(problem.object.namespace_.empty() ? " " : "/", problem.object.name);
  add(": ", problem.field);
  add(": ", problem.why);
  add("; ", problem.fix);
  return line;
}

void log_problems(std::span<const ingress::Problem> problems) {
  for (const ingress::Problem& problem : problems.first(std::min(problems.size(), kMaxProblemLines)))
    log_line(to_line(problem));
  if (problems.size() > kMaxProblemLines)
    log_line(fmt::format("and {} problems more; /problems lists all", problems.size() - kMaxProblemLines));
}

}  // namespace proxyd
