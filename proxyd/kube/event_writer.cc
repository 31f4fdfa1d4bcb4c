#include "proxyd/kube/event_writer.h"

#include <fmt/format.h>

#include <utility>

#include "controller/kube_json.h"
#include "controller/lease_json.h"

namespace proxyd {

using ingress::Problem;

EventWriter::EventWriter(EventContext context) : context_(std::move(context)) {}

std::string EventWriter::now_text() const {
  return ingress::controller::write_micro_time(context_.wall_clock());
}

void EventWriter::show(const std::vector<Problem>& problems) {
  std::set<Problem> now;
  for (const Problem& problem : problems)
    if (problem.source == "cluster") now.insert(problem);
  forget_old();
  for (const Problem& problem : now)
    if (!shown_.contains(problem)) add(problem);
  shown_ = std::move(now);
  if (!call_ && !timer_) pump();
}

void EventWriter::stop() {
  call_.reset();
  timer_.reset();
  waiting_.clear();
  shown_.clear();
  told_.clear();
  objects_.clear();
}

void EventWriter::forget_old() {
  const KubeClock::Time before = context_.clock.now() - kRemembered;
  std::erase_if(told_, [&](const auto& entry) { return entry.second.at < before; });
  std::erase_if(objects_, [&](const auto& entry) { return entry.second.since < before; });
}

bool EventWriter::may_tell_of(const ingress::Origin& object) {
  if (objects_.size() >= kMaxRemembered && !objects_.contains(object)) return false;
  ObjectTold& told = objects_.try_emplace(object, ObjectTold{0, context_.clock.now()}).first->second;
  return ++told.count <= kPerObject;
}

void EventWriter::add(const Problem& problem) {
  const std::string uid = context_.find_uid ? context_.find_uid(problem.object) : std::string();
  auto event = ingress::controller::make_event(problem, context_.reporter, uid, now_text());
  if (!event) return;
  const bool has_room = waiting_.size() < kMaxWaiting && told_.size() < kMaxRemembered;
  if (!has_room || !may_tell_of(problem.object)) {
    ++counters_.left_out;
    return;
  }
  const auto [told, is_new] =
      told_.try_emplace(event->namespace_ + "/" + event->name, Told{0, context_.clock.now()});
  waiting_.push_back({.event = std::move(*event), .count = ++told->second.count});
}

void EventWriter::pump() {
  timer_.reset();
  if (waiting_.empty()) return;
  const KubeClock::Time now = context_.clock.now();
  if (bucket_.take(now)) return write();
  timer_ = context_.clock.after(bucket_.wait(now), [this] { pump(); });
}

void EventWriter::write() {
  const Waiting& waiting = waiting_.front();
  const bool is_new = waiting.count == 1;
  KubeRequest request{
      .method = is_new ? "POST" : "PATCH",
      .path = fmt::format("/apis/events.k8s.io/v1/namespaces/{}/events{}{}", waiting.event.namespace_,
                          is_new ? "" : "/", is_new ? std::string_view() : waiting.event.name),
      .content_type = is_new ? "application/json" : "application/merge-patch+json",
      .body =
          is_new ? waiting.event.json : ingress::controller::write_event_series(waiting.count, now_text())};
  call_ =
      context_.transport.send(std::move(request), [this](std::expected<KubeAnswer, ingress::Error> answer) {
        const std::unique_ptr<KubeTransport::Call> over = std::move(call_);
        on_answer(std::move(answer));
      });
}

void EventWriter::on_answer(std::expected<KubeAnswer, ingress::Error> answer) {
  const std::uint16_t status = answer ? answer->status : 0;
  Waiting& waiting = waiting_.front();
  const bool is_new = waiting.count == 1;
  // One of that name is there already: who led before us has told it.
  if (status == 200 || status == 201 || (is_new && status == 409)) {
    back_off_.reset();
    ++counters_.written;
    const bool had_problems = !std::exchange(problems_, {}).empty();
    end_current();
    if (had_problems) context_.on_problems();
    return;
  }
  ++counters_.failed;
  if (status == 404 && !is_new) {  // its time was up
    waiting.count = 1;
    told_[waiting.event.namespace_ + "/" + waiting.event.name].count = 1;
    return pump();
  }
  if (status == 403) {
    ++counters_.left_out;
    const bool is_first = problems_.empty();
    problems_ = {
        {.severity = ingress::Severity::kWarning,
         .source = "cluster",
         .why = fmt::format(
             "the API server does not let us write Events in {} ({}): problems are told here alone",
             waiting.event.namespace_, ingress::controller::read_kube_status(answer->body).message),
         .fix = "give the controller's ServiceAccount the verbs create and patch on events (events.k8s.io)"}};
    waiting_.pop_front();
    timer_ = context_.clock.after(kRefused, [this] { pump(); });
    if (is_first) context_.on_problems();
    return;
  }
  const bool is_its_own_fault = status >= 400 && status < 500 && status != 401 && status != 429;
  if (is_its_own_fault || ++waiting.num_tries >= kMaxTries) {
    ++counters_.left_out;
    return end_current();
  }
  const auto time = back_off_.next(context_.clock, answer ? answer->retry_after : std::nullopt);
  timer_ = context_.clock.after(time, [this] { pump(); });
}

void EventWriter::end_current() {
  waiting_.pop_front();
  pump();
}

}  // namespace proxyd
