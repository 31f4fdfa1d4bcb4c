#include "proxyd/ocsp_stapler.h"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "proxyd/log.h"

namespace proxyd {
namespace {

using std::chrono::milliseconds;

// Not longer, so that a clock that was set is noticed.
constexpr milliseconds kMaxSleep{60'000};
// Many answers come together, and each of thousands of problems is a line to make.
constexpr milliseconds kShowDelay{200};

}  // namespace

OcspStapler::OcspStapler(ingress::Loop& loop, Publisher& next, ProblemBoard& board, Ask ask,
                         OcspBook::Rules rules)
    : loop_(loop),
      next_(next),
      board_(board),
      ask_(std::move(ask)),
      book_(std::move(rules), std::random_device{}()) {
  show();
}

std::vector<OcspBook::News> OcspStapler::prepare(std::vector<ingress::Certificate>& certificates) const {
  std::vector<OcspBook::News> all;
  for (ingress::Certificate& certificate : certificates) {
    all.push_back(book_.read(certificate));
    book_.fill(certificate, Clock::now());
  }
  return all;
}

Publisher::Outcome OcspStapler::publish(ingress::GatewayConfig config) {
  std::vector<OcspBook::News> all = prepare(config.certificates);
  auto outcome = next_.publish(std::move(config));
  if (!outcome) return outcome;
  std::set<std::string> names;
  for (const OcspBook::News& news : all) names.insert(news.name);
  book_.keep_only([&](const std::string& name) { return names.contains(name); });
  for (OcspBook::News& news : all) book_.put(std::move(news), Clock::now());
  work_in(milliseconds(0));
  return outcome;
}

Publisher::Outcome OcspStapler::apply(ingress::ConfigDelta delta) {
  const std::vector<std::string> removed = delta.remove_certificates;
  std::vector<OcspBook::News> all = prepare(delta.upsert_certificates);
  auto outcome = next_.apply(std::move(delta));
  if (!outcome || (removed.empty() && all.empty())) return outcome;
  for (const std::string& name : removed) book_.remove(name);
  for (OcspBook::News& news : all) book_.put(std::move(news), Clock::now());
  work_in(milliseconds(0));
  return outcome;
}

void OcspStapler::ask_again() {
  book_.ask_again(Clock::now());
  work_in(milliseconds(0));
}

// Never from inside a fetch's callback or the timer's own.
void OcspStapler::work_in(milliseconds delay) {
  timer_ = loop_.after(std::min(delay, kMaxSleep), [this] { loop_.post([this] { work(); }); });
}

void OcspStapler::work() {
  // Of certificates that are gone, or have another chain now.
  std::erase_if(fetches_, [this](const auto& fetch) { return !book_.awaits(fetch.first); });
  for (const OcspBook::Asking& asking : book_.take_due(Clock::now())) {
    fetches_[asking.id] = ask_(
        asking.question, [this, id = asking.id](auto response) { on_response(id, std::move(response)); });
  }
  if (const auto due = book_.next_due())
    work_in(std::max(std::chrono::ceil<milliseconds>(*due - Clock::now()), milliseconds(0)));
  show_soon();
}

void OcspStapler::on_response(OcspBook::Id id, std::expected<std::string, ingress::Error> response) {
  fetches_.erase(id);
  if (auto certificate = book_.on_response(id, std::move(response), Clock::now())) {
    ingress::ConfigDelta delta;
    delta.upsert_certificates.push_back(std::move(*certificate));
    if (auto outcome = next_.apply(std::move(delta)); !outcome) log_problems(outcome.error());
  }
  work_in(milliseconds(0));
}

void OcspStapler::show_soon() {
  if (std::exchange(will_show_, true)) return;
  show_timer_ = loop_.after(kShowDelay, [this] { loop_.post([this] { show(); }); });
}

void OcspStapler::show() {
  will_show_ = false;
  const auto now = Clock::now();
  const OcspBook::Counts counts = book_.counts(now);
  board_.set_stapling({.num_certificates = counts.num_certificates,
                       .num_answered = counts.num_answered,
                       .num_fetches_ok = counts.num_fetches_ok,
                       .num_fetches_failed = counts.num_fetches_failed});
  log_problems(board_.replace_stapling_problems(book_.problems(now)));
}

}  // namespace proxyd
