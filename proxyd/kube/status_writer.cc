#include "proxyd/kube/status_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/kube_json.h"
#include "proxyd/kube/kube_kind.h"

namespace proxyd {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

StatusWriter::StatusWriter(KubeTransport& transport, KubeClock& clock, std::string manager,
                           std::function<void()> on_problems)
    : transport_(transport),
      clock_(clock),
      manager_(std::move(manager)),
      on_problems_(std::move(on_problems)) {}

void StatusWriter::want(const std::vector<Change>& changes) {
  wanted_.clear();
  for (const Change& change : changes) wanted_.emplace(change.ingress, change);
  // What differs no more, or in another way, may differ like that again.
  std::erase_if(held_, [&](const auto& entry) {
    const auto wanted = wanted_.find(entry.first);
    return wanted == wanted_.end() || wanted->second != entry.second.change;
  });
  counters_.waiting = wanted_.size();
  if (wanted_.empty()) {
    call_.reset();
    timer_.reset();
  }
  if (!call_) pump();
}

KubeClock::Time StatusWriter::held_until(const Change& change) const {
  const auto held = held_.find(change.ingress);
  return held == held_.end() || held->second.change != change ? KubeClock::Time{} : held->second.until;
}

// In turn, so that one that fails again and again does not hold up the others. Null: none before `earliest`.
const StatusWriter::Change* StatusWriter::next(KubeClock::Time& earliest) const {
  auto at = wanted_.upper_bound(last_);
  for (std::size_t i = 0; i < wanted_.size(); ++i, ++at) {
    if (at == wanted_.end()) at = wanted_.begin();
    const KubeClock::Time until = held_until(at->second);
    if (until <= clock_.now()) return &at->second;
    earliest = std::min(earliest, until);
  }
  return nullptr;
}

void StatusWriter::pump() {
  if (wanted_.empty()) return;
  if (clock_.now() < not_before_) return wait(duration_cast<milliseconds>(not_before_ - clock_.now()));
  auto earliest = KubeClock::Time::max();
  if (const Change* const change = next(earliest)) return write(*change);
  wait(duration_cast<milliseconds>(earliest - clock_.now()));
}

void StatusWriter::wait(milliseconds time) {
  timer_ = clock_.after(time + milliseconds(1), [this] { pump(); });
}

void StatusWriter::write(const Change& change) {
  timer_.reset();
  current_ = change;
  last_ = change.ingress;
  not_before_ = clock_.now() + kBetweenWrites;
  KubeRequest request{
      .method = "PATCH",
      .path = fmt::format(
          "/apis/networking.k8s.io/v1/namespaces/{}/ingresses/{}/status?fieldManager={}&force=true",
          change.ingress.first, change.ingress.second, escape_query(manager_)),
      .content_type = "application/apply-patch+yaml",
      .body = ingress::controller::write_status(change)};
  call_ = transport_.send(std::move(request), [this](std::expected<KubeAnswer, ingress::Error> answer) {
    const std::unique_ptr<KubeTransport::Call> over = std::move(call_);
    on_answer(std::move(answer));
    pump();
  });
}

void StatusWriter::hold(const Change& change, std::chrono::seconds time) {
  held_.insert_or_assign(change.ingress, Held{change, clock_.now() + time});
}

void StatusWriter::on_answer(std::expected<KubeAnswer, ingress::Error> answer) {
  const std::uint16_t status = answer ? answer->status : 0;
  const std::string& namespace_ = current_.ingress.first;
  if (status == 200) {
    back_off_.reset();
    ++(current_.after.empty() ? counters_.removed : counters_.written);
    hold(current_, kEcho);
    if (forbidden_.erase(namespace_) > 0) on_problems_();
    return;
  }
  ++counters_.failed;
  if (status == 403) {
    // The others of the namespace would fare no better.
    for (const auto& [name, change] : wanted_)
      if (name.first == namespace_) hold(change, kRefused);
    const bool is_new =
        forbidden_.emplace(namespace_, ingress::controller::read_kube_status(answer->body).message).second;
    if (is_new) on_problems_();
    return;
  }
  // It is gone, which the watch will tell; or it is not what the server can take, which time may mend.
  const bool is_its_own_fault =
      status >= 400 && status < 500 && status != 401 && status != 409 && status != 429;
  if (is_its_own_fault) return hold(current_, kRefused);
  const milliseconds time = back_off_.next(clock_, answer ? answer->retry_after : std::nullopt);
  not_before_ = std::max(not_before_, clock_.now() + time);
}

std::vector<ingress::Problem> StatusWriter::problems() const {
  std::vector<ingress::Problem> problems;
  for (const auto& [namespace_, message] : forbidden_) {
    problems.push_back({.severity = ingress::Severity::kWarning,
                        .source = "cluster",
                        .object = {"Namespace", "", namespace_},
                        .why = "the API server does not let us write the status of Ingresses in " +
                               namespace_ + " (" + message + "): they have no address",
                        .fix = "give the controller's ServiceAccount the verb patch on ingresses/status "
                               "(networking.k8s.io), or run with --update-status=false"});
  }
  return problems;
}

}  // namespace proxyd
