#include "proxyd/process/controller_view.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace proxyd {
namespace {

std::int64_t now_unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

}  // namespace

ControllerView::ControllerView() {
  state_.since_unix_ms = now_unix_ms();
}

void ControllerView::set_report(const ControllerReport& report) {
  const std::lock_guard lock(mutex_);
  state_.report = report;
  state_.has_reported = true;
}

void ControllerView::set_missing(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (state_.is_connected != why.empty()) state_.since_unix_ms = now_unix_ms();
  state_.is_connected = why.empty();
  state_.why = why;
}

void ControllerView::set_refused(std::vector<ingress::Problem> problems) {
  const std::lock_guard lock(mutex_);
  refused_ = std::move(problems);
}

ControllerReading ControllerView::reading() const {
  const std::lock_guard lock(mutex_);
  ControllerReading reading = state_;
  auto& problems = reading.report.problems;
  problems.insert(problems.end(), refused_.begin(), refused_.end());
  std::ranges::sort(problems);
  problems.erase(std::ranges::unique(problems).begin(), problems.end());
  return reading;
}

}  // namespace proxyd
