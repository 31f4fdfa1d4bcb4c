// Which of several controllers writes to the API server: the one that holds a Lease, as of client-go's leader
// election, with its timings.
//
// Owner: the daemon. Thread: the loop's.
// Always true: at most one holds the Lease as long as clocks run at the same speed, whatever they show: who
// does not hold it goes by when they have seen it change last, not by the times in it. A holder that could
// not renew it for `renew_deadline` has told so before anybody else may take it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/lease_json.h"
#include "ingress/config.h"
#include "proxyd/kube/kube_clock.h"
#include "proxyd/kube/kube_transport.h"

namespace proxyd {

struct LeaseOptions {
  std::string namespace_, name;
  std::string identity;  // of this process alone
  std::chrono::seconds duration{15};
  std::chrono::seconds renew_deadline{10};
  std::chrono::seconds retry_period{2};
};

// The name of this host and a random part.
std::string make_lease_identity();

enum class Leadership : std::uint8_t { kFollowing, kLeading };

class LeaderElector {
 public:
  // Told at each change; a change of the problems too. May not destroy the elector.
  using OnChange = std::function<void()>;
  using WallClock = std::function<std::chrono::system_clock::time_point()>;

  LeaderElector(KubeTransport& transport, KubeClock& clock, LeaseOptions options, OnChange on_change,
                WallClock wall_clock = std::chrono::system_clock::now);
  LeaderElector(const LeaderElector&) = delete;
  LeaderElector& operator=(const LeaderElector&) = delete;

  void start();
  // For good: gives the Lease up, so that the next one need not wait for its end, and calls `done` when that
  // has been tried, kReleaseTime later at most; at once when there is nothing to give up.
  void release(std::move_only_function<void()> done);

  Leadership leadership() const { return leadership_; }
  // Who holds the Lease as far as we know; empty: nobody, or not known yet.
  const std::string& holder() const { return seen_.record.holder; }
  std::uint64_t num_transitions() const { return num_transitions_; }  // of ours, in both directions
  // Why there can be no leader, as far as that is for people to mend.
  const std::vector<ingress::Problem>& problems() const { return problems_; }

 private:
  static constexpr std::chrono::milliseconds kReleaseTime{2'000};
  static constexpr double kJitterFactor = 1.2;
  using Record = ingress::controller::LeaseRecord;
  using OnTried = std::move_only_function<void(std::expected<KubeAnswer, ingress::Error>)>;

  void attempt();
  void get();
  void take_or_wait();
  void put(std::uint16_t expected_status);
  void on_written(std::uint16_t expected_status, std::expected<KubeAnswer, ingress::Error> answer);
  void on_failed(const std::expected<KubeAnswer, ingress::Error>& answer, const char* verb);
  void see(ingress::controller::Lease lease);
  bool is_held_by_other() const;
  void lead();
  void follow();
  void on_deadline();
  void attempt_later();
  void send(std::string method, std::string path, std::string body, OnTried on_tried);
  void write_release(bool may_try_again);
  void set_problem(std::string why);
  std::string list_path() const;
  std::string path() const { return list_path() + "/" + options_.name; }

  KubeTransport& transport_;
  KubeClock& clock_;
  const LeaseOptions options_;
  OnChange on_change_;
  WallClock wall_clock_;
  Leadership leadership_ = Leadership::kFollowing;
  std::uint64_t num_transitions_ = 0;
  std::vector<ingress::Problem> problems_;
  ingress::controller::Lease seen_;  // as the server told it last; without a version: not known
  KubeClock::Time seen_change_at_{};
  ingress::controller::Lease wanted_;  // being written
  KubeClock::Time written_at_{};
  std::unique_ptr<KubeTransport::Call> call_;
  std::unique_ptr<KubeClock::Timer> retry_, deadline_;
  std::move_only_function<void()> on_released_;
};

}  // namespace proxyd
