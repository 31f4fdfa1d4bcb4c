#include "proxyd/kube/leader_elector.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include "controller/kube_json.h"

namespace proxyd {

using ingress::controller::Lease;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

namespace {

// 15 s in the record would be 15 s for the next one to wait: who goes says one.
constexpr std::int64_t kReleasedDuration = 1;

}  // namespace

std::string make_lease_identity() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::random_device random;
  return fmt::format("{}_{:08x}{:08x}", host.data(), random(), random());
}

LeaderElector::LeaderElector(KubeTransport& transport, KubeClock& clock, LeaseOptions options,
                             OnChange on_change, WallClock wall_clock)
    : transport_(transport),
      clock_(clock),
      options_(std::move(options)),
      on_change_(std::move(on_change)),
      wall_clock_(std::move(wall_clock)) {}

void LeaderElector::start() {
  retry_ = clock_.after(milliseconds(0), [this] { attempt(); });
}

void LeaderElector::attempt_later() {
  // Who leads keeps to its period; the others spread, so that they do not all ask at once.
  const double spread = leadership_ == Leadership::kLeading ? 0 : kJitterFactor * clock_.random();
  const milliseconds period = options_.retry_period;
  const auto more = static_cast<milliseconds::rep>(static_cast<double>(period.count()) * spread);
  retry_ = clock_.after(period + milliseconds(more), [this] { attempt(); });
}

void LeaderElector::attempt() {
  // What was written last is most likely still what is there.
  if (leadership_ == Leadership::kLeading && !seen_.resource_version.empty()) return take_or_wait();
  get();
}

void LeaderElector::get() {
  send("GET", path(), {}, [this](std::expected<KubeAnswer, ingress::Error> answer) {
    if (answer && answer->status == 404) {
      seen_ = {};
      return take_or_wait();
    }
    if (!answer || answer->status != 200) return on_failed(answer, "get");
    auto lease = ingress::controller::read_lease(answer->body);
    if (!lease) return attempt_later();
    see(std::move(*lease));
    take_or_wait();
  });
}

void LeaderElector::see(Lease lease) {
  const bool is_change = seen_.resource_version.empty() || lease.record != seen_.record;
  if (is_change) seen_change_at_ = clock_.now();
  seen_ = std::move(lease);
}

bool LeaderElector::is_held_by_other() const {
  const Record& record = seen_.record;
  if (record.holder.empty() || record.holder == options_.identity) return false;
  return seen_change_at_ + std::chrono::seconds(record.duration_s) > clock_.now();
}

void LeaderElector::take_or_wait() {
  if (is_held_by_other()) {
    set_problem({});
    follow();
    return attempt_later();
  }
  const bool is_ours = seen_.record.holder == options_.identity;
  const bool is_new = seen_.resource_version.empty();
  const std::string now = ingress::controller::write_micro_time(wall_clock_());
  wanted_ = {.namespace_ = options_.namespace_,
             .name = options_.name,
             .resource_version = seen_.resource_version,
             .record = {.holder = options_.identity,
                        .duration_s = options_.duration.count(),
                        .acquired_at = is_ours ? seen_.record.acquired_at : now,
                        .renewed_at = now,
                        .num_transitions = seen_.record.num_transitions + (is_ours || is_new ? 0 : 1)}};
  put(is_new ? 201 : 200);
}

void LeaderElector::put(std::uint16_t expected_status) {
  written_at_ = clock_.now();
  const bool is_new = wanted_.resource_version.empty();
  send(is_new ? "POST" : "PUT", is_new ? list_path() : path(), ingress::controller::write_lease(wanted_),
       [this, expected_status](std::expected<KubeAnswer, ingress::Error> answer) {
         on_written(expected_status, std::move(answer));
       });
}

void LeaderElector::on_written(std::uint16_t expected_status,
                               std::expected<KubeAnswer, ingress::Error> answer) {
  auto lease = answer && answer->status == expected_status ? ingress::controller::read_lease(answer->body)
                                                           : std::unexpected(ingress::Error{});
  if (lease) {
    set_problem({});
    see(std::move(*lease));
    lead();
    return attempt_later();
  }
  // It may have been written all the same, or by somebody else: what is there has to be asked for.
  seen_.resource_version.clear();
  const bool was_refused = answer && answer->status == 409;
  if (was_refused && leadership_ == Leadership::kLeading) return get();
  on_failed(answer, wanted_.resource_version.empty() ? "create" : "update");
}

void LeaderElector::on_failed(const std::expected<KubeAnswer, ingress::Error>& answer, const char* verb) {
  if (answer && answer->status == 403) {
    set_problem(
        fmt::format("the API server does not let us {} Leases in {} ({}): no controller can become "
                    "leader, so no status is written",
                    verb, options_.namespace_, ingress::controller::read_kube_status(answer->body).message));
  }
  attempt_later();
}

void LeaderElector::lead() {
  const milliseconds left = duration_cast<milliseconds>(written_at_ + options_.renew_deadline - clock_.now());
  deadline_ = clock_.after(std::max(left, milliseconds(0)), [this] { on_deadline(); });
  if (std::exchange(leadership_, Leadership::kLeading) == Leadership::kLeading) return;
  ++num_transitions_;
  on_change_();
}

// Nobody else can have it yet: it is ours for the rest of its duration, but not to be counted on.
void LeaderElector::on_deadline() {
  call_.reset();
  seen_.resource_version.clear();
  follow();
  attempt_later();
}

void LeaderElector::follow() {
  deadline_.reset();
  if (std::exchange(leadership_, Leadership::kFollowing) == Leadership::kFollowing) return;
  ++num_transitions_;
  on_change_();
}

void LeaderElector::release(std::move_only_function<void()> done) {
  retry_.reset();
  call_.reset();
  if (leadership_ != Leadership::kLeading) return done();
  on_released_ = std::move(done);
  follow();
  deadline_ = clock_.after(kReleaseTime, [this] {
    call_.reset();
    std::exchange(on_released_, nullptr)();
  });
  write_release(true);
}

void LeaderElector::write_release(bool may_try_again) {
  const auto end = [this] {
    deadline_.reset();
    std::exchange(on_released_, nullptr)();
  };
  if (seen_.resource_version.empty()) {
    // A renewal that was under way may have changed the version.
    return send("GET", path(), {}, [this, end](std::expected<KubeAnswer, ingress::Error> answer) {
      auto lease = answer && answer->status == 200 ? ingress::controller::read_lease(answer->body)
                                                   : std::unexpected(ingress::Error{});
      if (!lease || lease->record.holder != options_.identity) return end();
      see(std::move(*lease));
      write_release(false);
    });
  }
  const std::string now = ingress::controller::write_micro_time(wall_clock_());
  Lease released{.namespace_ = options_.namespace_,
                 .name = options_.name,
                 .resource_version = seen_.resource_version,
                 .record = {.holder = {},
                            .duration_s = kReleasedDuration,
                            .acquired_at = now,
                            .renewed_at = now,
                            .num_transitions = seen_.record.num_transitions}};
  send("PUT", path(), ingress::controller::write_lease(released),
       [this, end, may_try_again](std::expected<KubeAnswer, ingress::Error> answer) {
         if (!may_try_again || !answer || answer->status != 409) return end();
         seen_.resource_version.clear();
         write_release(false);
       });
}

void LeaderElector::send(std::string method, std::string path, std::string body, OnTried on_tried) {
  KubeRequest request{.method = std::move(method), .path = std::move(path), .body = std::move(body)};
  if (!request.body.empty()) request.content_type = "application/json";
  request.timeout = duration_cast<milliseconds>(options_.renew_deadline) / 2;
  call_ = transport_.send(std::move(request), [this, on_tried = std::move(on_tried)](
                                                  std::expected<KubeAnswer, ingress::Error> answer) mutable {
    // The call, and this function in it, may go with the next one that is sent.
    OnTried tell = std::move(on_tried);
    const std::unique_ptr<KubeTransport::Call> over = std::move(call_);
    tell(std::move(answer));
  });
}

void LeaderElector::set_problem(std::string why) {
  std::vector<ingress::Problem> problems;
  if (!why.empty()) {
    problems.push_back({.source = "cluster",
                        .object = {"Lease", options_.namespace_, options_.name},
                        .why = std::move(why),
                        .fix =
                            "give the controller's ServiceAccount the verbs get, create and update on leases "
                            "(coordination.k8s.io) there, or run with --update-status=false"});
  }
  if (problems == problems_) return;
  problems_ = std::move(problems);
  on_change_();
}

std::string LeaderElector::list_path() const {
  return "/apis/coordination.k8s.io/v1/namespaces/" + options_.namespace_ + "/leases";
}

}  // namespace proxyd
