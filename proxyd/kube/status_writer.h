// Writes statuses of Ingresses: one at a time, ten a second at most, by server-side apply of our fields
// alone.
//
// Owner: the daemon. Thread: the loop's. Caller: the one leader of the controllers of a cluster.
// Always true: nothing is written twice for the same difference while its effect may still be on its way
// back to us; what cannot be written is tried again later, and keeps nothing else waiting for long.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/status.h"
#include "ingress/config.h"
#include "proxyd/kube/back_off.h"
#include "proxyd/kube/kube_clock.h"
#include "proxyd/kube/kube_transport.h"

namespace proxyd {

// Written by the loop's thread, read by any.
struct StatusCounters {
  std::atomic<std::uint64_t> written{0}, removed{0};
  std::atomic<std::uint64_t> failed{0};   // answers other than success, and none
  std::atomic<std::uint64_t> waiting{0};  // differences now
};

class StatusWriter {
 public:
  static constexpr std::chrono::milliseconds kBetweenWrites{100};
  // For a change of ours to be told to us by the watch.
  static constexpr std::chrono::seconds kEcho{10};
  // Before something that was refused is tried again.
  static constexpr std::chrono::seconds kRefused{60};

  // `manager`: who applies. `on_problems`: they have changed.
  StatusWriter(KubeTransport& transport, KubeClock& clock, std::string manager,
               std::function<void()> on_problems);
  StatusWriter(const StatusWriter&) = delete;
  StatusWriter& operator=(const StatusWriter&) = delete;

  // All differences that there are now; replaces those of before. None: nothing more is written, a write
  // under way is given up.
  void want(const std::vector<ingress::controller::StatusChange>& changes);

  std::vector<ingress::Problem> problems() const;
  const StatusCounters& counters() const { return counters_; }

 private:
  using Name = ingress::controller::ObjectName;
  using Change = ingress::controller::StatusChange;
  // A change that is not to be written before.
  struct Held {
    Change change;
    KubeClock::Time until;
  };
  void pump();
  const Change* next(KubeClock::Time& earliest) const;
  KubeClock::Time held_until(const Change& change) const;
  void write(const Change& change);
  void on_answer(std::expected<KubeAnswer, ingress::Error> answer);
  void hold(const Change& change, std::chrono::seconds time);
  void wait(std::chrono::milliseconds time);

  KubeTransport& transport_;
  KubeClock& clock_;
  const std::string manager_;
  std::function<void()> on_problems_;
  StatusCounters counters_;
  std::map<Name, Change> wanted_;
  std::map<Name, Held> held_;
  std::map<std::string, std::string> forbidden_;  // namespaces, with what the server said
  Change current_;                                // while call_ is there
  Name last_;                                     // whose turn it was
  KubeClock::Time not_before_{};
  BackOff back_off_;
  std::unique_ptr<KubeTransport::Call> call_;
  std::unique_ptr<KubeClock::Timer> timer_;
};

}  // namespace proxyd
