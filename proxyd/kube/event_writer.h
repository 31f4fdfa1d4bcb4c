// Tells of problems where their owners look: as Events on the objects.
//
// Owner: the daemon. Thread: the loop's. Caller: one of the controllers of a cluster.
// Always true: a problem that stays is told once; one that comes again within kRemembered is counted in the
// Event that there is. Of one object no more than kPerObject are told at once, of all no more than
// kPerSecond in the long run, and what waits is bounded: what is left out is counted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/event_json.h"
#include "ingress/config.h"
#include "proxyd/kube/back_off.h"
#include "proxyd/kube/kube_clock.h"
#include "proxyd/kube/kube_transport.h"
#include "proxyd/kube/token_bucket.h"

namespace proxyd {

// Written by the loop's thread, read by any.
struct EventCounters {
  std::atomic<std::uint64_t> written{0};
  std::atomic<std::uint64_t> failed{0};    // answers other than success, and none
  std::atomic<std::uint64_t> left_out{0};  // for the bounds, or tried in vain too often
};

struct EventContext {
  KubeTransport& transport;
  KubeClock& clock;
  ingress::controller::EventReporter reporter;
  std::function<std::string(const ingress::Origin&)> find_uid;  // empty: not known
  std::function<void()> on_problems;                            // of ours: they have changed
  std::function<std::chrono::system_clock::time_point()> wall_clock = std::chrono::system_clock::now;
};

class EventWriter {
 public:
  static constexpr std::size_t kMaxWaiting = 1'000;
  static constexpr std::size_t kMaxRemembered = 10'000;
  static constexpr std::chrono::minutes kRemembered{50};  // the API server keeps Events for an hour
  static constexpr double kPerSecond = 5, kBurst = 50;
  static constexpr unsigned kPerObject = 10;  // within kRemembered
  static constexpr unsigned kMaxTries = 4;
  static constexpr std::chrono::minutes kRefused{5};

  explicit EventWriter(EventContext context);
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  // All problems that there are now; those of source "cluster" that were not there before are told.
  void show(const std::vector<ingress::Problem>& problems);
  // Forgets all: what is shown next is new.
  void stop();

  const std::vector<ingress::Problem>& problems() const { return problems_; }
  const EventCounters& counters() const { return counters_; }

 private:
  // An Event that was told.
  struct Told {
    std::uint64_t count = 1;
    KubeClock::Time at;
  };
  struct Waiting {
    ingress::controller::ProblemEvent event;
    std::uint64_t count = 1;  // above 1: of the one that there is
    unsigned num_tries = 0;
  };
  void add(const ingress::Problem& problem);
  bool may_tell_of(const ingress::Origin& object);
  void forget_old();
  void pump();
  void write();
  void on_answer(std::expected<KubeAnswer, ingress::Error> answer);
  void end_current();
  std::string now_text() const;

  EventContext context_;
  EventCounters counters_;
  std::vector<ingress::Problem> problems_;
  std::set<ingress::Problem> shown_;
  std::map<std::string, Told> told_;  // by namespace/name
  struct ObjectTold {
    unsigned count = 0;
    KubeClock::Time since;
  };
  std::map<ingress::Origin, ObjectTold> objects_;
  std::deque<Waiting> waiting_;  // the first is being written while call_ is there
  TokenBucket bucket_{kPerSecond, kBurst};
  BackOff back_off_;
  std::unique_ptr<KubeTransport::Call> call_;
  std::unique_ptr<KubeClock::Timer> timer_;
};

}  // namespace proxyd
