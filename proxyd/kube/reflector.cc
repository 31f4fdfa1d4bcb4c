#include "proxyd/kube/reflector.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace proxyd {
namespace {

using namespace std::chrono_literals;
using ingress::Problem;
using ingress::controller::KubeEvent;
using ingress::controller::KubeEventType;
using ingress::controller::KubeForm;
using ingress::controller::KubeStatus;

// How long an answer may take: a server that went silent is given up soon, and one that is merely slow gets
// its answers in by the third try.
constexpr std::chrono::milliseconds kLeastPatience = 4s;
constexpr std::chrono::milliseconds kMostPatience = 16s;
// A watch ends by itself before it could be silent for 30 s, and is given up soon after it should have.
constexpr auto kWatchLeast = 15s;
constexpr auto kWatchSpread = 10s;
constexpr auto kWatchGrace = 3s;
// A watch that is ended before counts as failed, or a server that ends each at once would be asked in a loop.
constexpr auto kShortWatch = 1s;
constexpr auto kRefusalRetry = 15s;
// Right after its start an API server has not read its roles yet, and forbids what is granted.
constexpr unsigned kMaxRefusals = 3;
constexpr unsigned kMaxOlderLists = 3;
constexpr unsigned kMaxBarrenWatches = 2;
// So many failures in a row are said.
constexpr unsigned kTroubleAfter = 3;

std::string reason_of(const KubeAnswer& answer) {
  const KubeStatus status = ingress::controller::read_kube_status(answer.body);
  return status.message.empty() ? fmt::format("status {}", answer.status)
                                : fmt::format("status {}: {}", answer.status, status.message);
}

bool is_expired(const KubeStatus& status) {
  return status.code == 410 || status.reason == "Expired" || status.reason == "Gone";
}

}  // namespace

Reflector::Reflector(ReflectorScope scope, KubeTransport& transport, KubeClock& clock, ReflectorSink& sink,
                     KindCounters& counters, Limits limits)
    : scope_(std::move(scope)),
      transport_(transport),
      clock_(clock),
      sink_(sink),
      counters_(counters),
      limits_(limits),
      patience_(kLeastPatience),
      page_items_(limits.page_items) {}

Reflector::~Reflector() {
  counters_.objects -= num_counted_;
}

void Reflector::list_now() {
  end_watch();
  list_anew();
}

// Of several namespaces the same counters hold the sum.
void Reflector::count_objects() {
  counters_.objects += versions_.size() - num_counted_;
  num_counted_ = versions_.size();
}

std::string Reflector::query(bool is_watch) {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) text += fmt::format("{}{}={}", text.empty() ? '?' : '&', name, escape_query(value));
  };
  if (!scope_.name.empty()) add("fieldSelector", "metadata.name=" + scope_.name);
  add("labelSelector", scope_.label_selector);
  if (is_watch) {
    add("watch", "1");
    add("allowWatchBookmarks", "true");
    add("resourceVersion", versions_.resume_version());
    add("timeoutSeconds", std::to_string(watch_seconds_.count()));
  } else {
    add("limit", std::to_string(page_items_));
    add("continue", continue_token_);
  }
  return text;
}

// Without a second choice: a server that cannot leave out what objects hold is not to send it.
std::string Reflector::accept(std::string_view metadata_kind) const {
  if (scope_.form == KubeForm::kWhole) return "application/json";
  return fmt::format("application/json;as={};g=meta.k8s.io;v=v1", metadata_kind);
}

void Reflector::list_anew() {
  items_.clear();
  nameless_.clear();
  continue_token_.clear();
  ask_page();
}

void Reflector::ask_page() {
  timer_.reset();
  call_ = transport_.send({.path = collection_path(scope_.kind, scope_.namespace_) + query(false),
                           .accept = accept("PartialObjectMetadataList"),
                           .timeout = patience_},
                          [this](Answer answer) { on_page(std::move(answer)); });
}

void Reflector::on_page(Answer answer) {
  call_.reset();
  if (!answer) {
    ++counters_.list_errors;
    note_patience(answer.error());
    // Objects that are very large: fewer at once.
    if (answer.error().code == ingress::ErrorCode::kTooLarge && page_items_ > 1) page_items_ /= 2;
    return list_after_failure(answer.error().text());
  }
  if (answer->status != 200) {
    ++counters_.list_errors;
    return refuse(*answer);
  }
  auto page = ingress::controller::read_kube_list(answer->body, std::string(scope_.kind.kind), scope_.form);
  if (!page) {
    ++counters_.list_errors;
    return list_after_failure(page.error().text());
  }
  take_page(std::move(*page));
}

void Reflector::take_page(ingress::controller::KubeList page) {
  if (items_.empty()) {
    items_ = std::move(page.items);
  } else {
    items_.insert(items_.end(), std::make_move_iterator(page.items.begin()),
                  std::make_move_iterator(page.items.end()));
  }
  nameless_.insert(nameless_.end(), page.problems.begin(), page.problems.end());
  if (items_.size() > limits_.max_items || nameless_.size() > limits_.max_items)
    return list_after_failure(fmt::format("a list of more than {} objects", limits_.max_items));
  if (page.continue_token.empty()) return finish_list(page.resource_version);
  // A token that brings the same page for ever would fill the memory: the cap above ends that too.
  continue_token_ = std::move(page.continue_token);
  ask_page();
}

// A server of several that is behind, or one whose store was restored: the former catches up.
bool Reflector::is_older(const std::string& version) {
  const auto number = version_number(version);
  return state_ == State::kSynced && number && *number < versions_.newest();
}

void Reflector::finish_list(const std::string& version) {
  if (is_older(version) && ++num_older_lists_ <= kMaxOlderLists)
    return list_after_failure("the server has an older state than before");
  patience_ = kLeastPatience;
  num_older_lists_ = 0;
  num_refusals_ = 0;
  num_barren_watches_ = 0;
  page_items_ = limits_.page_items;
  ++counters_.lists;
  versions_.replace(version, items_);
  count_objects();
  state_ = State::kSynced;
  trouble_.clear();
  problems_ = std::exchange(nameless_, {});
  sink_.on_list(std::exchange(items_, {}));
  sink_.on_state();
  watch();
}

void Reflector::watch() {
  watch_seconds_ =
      kWatchLeast + std::chrono::duration_cast<std::chrono::seconds>(kWatchSpread * clock_.random());
  watch_began_ = clock_.now();
  has_watch_progress_ = false;
  has_watch_head_ = false;
  ++counters_.watches;
  const auto most = watch_seconds_ + kWatchGrace;
  timer_ = clock_.after(most, [this] { on_silence(); });
  call_ = transport_.watch({.path = collection_path(scope_.kind, scope_.namespace_) + query(true),
                            .accept = accept("PartialObjectMetadata"),
                            .timeout = patience_},
                           most,
                           {.on_head = [this](std::uint16_t status) { on_watch_head(status); },
                            .on_line = [this](std::string_view line) { on_line(line); },
                            .on_end = [this](Answer answer) { on_watch_end(std::move(answer)); }});
}

void Reflector::on_watch_head(std::uint16_t status) {
  has_watch_head_ = true;
  patience_ = kLeastPatience;
  if (status != 200 || trouble_.empty()) return;
  trouble_.clear();  // it answers again
  sink_.on_state();
}

void Reflector::on_line(std::string_view line) {
  auto event = ingress::controller::read_kube_event(line, std::string(scope_.kind.kind), scope_.form);
  if (event) return on_event(std::move(*event));
  ++counters_.watch_errors;
  ++num_barren_watches_;
  end_watch();
  watch_after_failure(event.error().text());
}

void Reflector::on_event(KubeEvent event) {
  if (event.type == KubeEventType::kError) return on_watch_error(event.status);
  note_progress();
  const std::string& version = event.item.resource_version;
  if (event.type == KubeEventType::kBookmark || !event.has_key()) {
    versions_.note_bookmark(version);
    if (event.problems.empty()) return;
    set_problems(std::move(event.problems));
    return;
  }
  const bool is_delete = event.type == KubeEventType::kDelete;
  const bool is_news = is_delete ? versions_.admit_delete(event.item.read.key, version)
                                 : versions_.admit_upsert(event.item.read.key, version);
  count_objects();
  if (!is_news) {
    ++counters_.stale_events;
    return;
  }
  ++counters_.events;
  if (is_delete) {
    sink_.on_delete(event.item.read.key);
  } else {
    sink_.on_upsert(std::move(event.item));
  }
}

void Reflector::on_watch_error(const KubeStatus& status) {
  ++counters_.watch_errors;
  end_watch();
  const std::string why = fmt::format("status {}: {}", status.code, status.message);
  if (!is_expired(status)) {
    ++num_barren_watches_;
    return watch_after_failure(why);
  }
  ++counters_.relists;
  list_after_failure(why);
}

void Reflector::on_watch_end(Answer answer) {
  const bool has_head = has_watch_head_;
  const bool is_short = clock_.now() - watch_began_ < kShortWatch && !has_watch_progress_;
  end_watch();
  if (answer && answer->status == 200) {
    if (is_short) return watch_after_failure("the server ends watches at once");
    note_progress();
    if (!versions_.is_disordered()) return watch();
    ++counters_.relists;
    return list_anew();
  }
  ++counters_.watch_errors;
  if (!answer) {
    if (!has_head) note_patience(answer.error());
    if (answer.error().code == ingress::ErrorCode::kTooLarge) ++num_barren_watches_;
    return watch_after_failure(answer.error().text());
  }
  if (answer->status == 410) {
    ++counters_.relists;
    return list_after_failure(reason_of(*answer));
  }
  if (answer->status == 403 || answer->status == 404) return refuse(*answer);
  if (answer->status != 429) ++num_barren_watches_;
  watch_after_failure(reason_of(*answer), answer->retry_after);
}

void Reflector::on_silence() {
  ++counters_.watch_errors;
  end_watch();
  watch_after_failure("a watch stayed silent");
}

void Reflector::end_watch() {
  timer_.reset();
  call_.reset();
}

void Reflector::refuse(const KubeAnswer& answer) {
  const bool is_forbidden = answer.status == 403;
  if (!is_forbidden && answer.status != 404) return list_after_failure(reason_of(answer), answer.retry_after);
  if (++num_refusals_ < kMaxRefusals) return list_after_failure(reason_of(answer));
  const std::string message = ingress::controller::read_kube_status(answer.body).message;
  const std::string what = describe(scope_.kind, scope_.namespace_) +
                           (scope_.name.empty() ? "" : fmt::format(" (only {})", scope_.name));
  const std::string kept =
      state_ == State::kSynced ? "; the last known ones stay in use" : "; there are none for us";
  Problem problem{.source = "cluster",
                  .object = {std::string(scope_.kind.kind), scope_.namespace_, scope_.name}};
  if (is_forbidden) {
    problem.why = fmt::format("the API server forbids to list or watch {}{}: {}", what, kept, message);
    problem.fix = how_to_grant(scope_.kind, scope_.namespace_, scope_.name, message);
  } else {
    problem.why = fmt::format("the API server does not have {}{}", what, kept);
    problem.fix = "use a cluster that serves this kind as version v1";
  }
  if (state_ != State::kSynced) state_ = is_forbidden ? State::kForbidden : State::kAbsent;
  trouble_.clear();
  items_.clear();
  retry_in(std::chrono::milliseconds(kRefusalRetry) +
               std::chrono::milliseconds(static_cast<int>(clock_.random() * 1000)),
           &Reflector::list_anew);
  set_problems({std::move(problem)});
}

void Reflector::list_after_failure(std::string why, std::optional<std::chrono::seconds> asked) {
  items_.clear();
  retry_in(back_off_.next(clock_, asked), &Reflector::list_anew);
  note_failure(std::move(why));
}

// What fails again and again without a line that is understood, while the server answers, may be a line that
// never will be: a list goes past it.
void Reflector::watch_after_failure(std::string why, std::optional<std::chrono::seconds> asked) {
  const bool is_list_due = num_barren_watches_ > kMaxBarrenWatches || versions_.is_disordered();
  if (is_list_due) ++counters_.relists;
  retry_in(back_off_.next(clock_, asked), is_list_due ? &Reflector::list_anew : &Reflector::watch);
  note_failure(std::move(why));
}

void Reflector::retry_in(std::chrono::milliseconds delay, void (Reflector::*step)()) {
  timer_ = clock_.after(delay, [this, step] { (this->*step)(); });
}

void Reflector::note_failure(std::string why) {
  if (back_off_.num_failures() < kTroubleAfter || trouble_ == why) return;
  trouble_ = std::move(why);
  sink_.on_state();
}

void Reflector::note_patience(const ingress::Error& error) {
  if (error.code == ingress::ErrorCode::kTimeout) patience_ = std::min(patience_ * 2, kMostPatience);
}

void Reflector::note_progress() {
  has_watch_progress_ = true;
  num_barren_watches_ = 0;
  back_off_.reset();
  if (trouble_.empty()) return;
  trouble_.clear();
  sink_.on_state();
}

void Reflector::set_problems(std::vector<Problem> problems) {
  if (problems == problems_) return;
  problems_ = std::move(problems);
  sink_.on_state();
}

}  // namespace proxyd
