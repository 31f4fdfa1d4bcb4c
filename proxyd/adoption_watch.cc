#include "proxyd/adoption_watch.h"

#include <algorithm>
#include <chrono>

namespace proxyd {
namespace {

constexpr std::chrono::milliseconds kPeriod{10};
// A worker that never comes back would keep them all.
constexpr std::size_t kMaxWaiting = 1000;

}  // namespace

void AdoptionWatch::add(ingress::Generation generation, std::move_only_function<void()> call) {
  if (waiting_.size() >= kMaxWaiting) return;
  waiting_.emplace_back(generation, std::move(call));
  if (!timer_) timer_ = loop_.every(kPeriod, [this] { look(); });
}

void AdoptionWatch::look() {
  const ingress::ServerStatus status = server_.status();
  ingress::Generation adopted = status.published;
  for (const auto& worker : status.workers) adopted = std::min(adopted, worker.adopted);
  // Calls may add others.
  auto waiting = std::exchange(waiting_, {});
  for (auto& [generation, call] : waiting) {
    if (generation <= adopted) {
      call();
    } else {
      waiting_.emplace_back(generation, std::move(call));
    }
  }
  if (waiting_.empty()) timer_ = {};
}

}  // namespace proxyd
