// One kind of one namespace (or of all), as the API server has it: a list, then a watch from where the list
// ended, for ever.
//
// Owner: ClusterMode or SecretSource. Thread: the loop's. Caller: the sink, transport and clock outlive it;
// the sink does not destroy it from within its calls. Always true: the sink gets a list only when its last
// page has arrived, and never one that is older than what it has, unless the server insists (a store that was
// restored from a backup). Events that are older than what is known of their object are dropped. Whatever
// fails is tried again, at the latest after 3 s; what is forbidden or absent every 15 s. A watch that stays
// silent is given up within 28 s: the server is asked to end it itself after 15 to 25 s, so no sign of life
// is needed in between.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/kube_json.h"
#include "proxyd/kube/back_off.h"
#include "proxyd/kube/kube_clock.h"
#include "proxyd/kube/kube_counters.h"
#include "proxyd/kube/kube_kind.h"
#include "proxyd/kube/kube_transport.h"
#include "proxyd/kube/object_versions.h"

namespace proxyd {

class ReflectorSink {
 public:
  // A whole list, which replaces everything before it.
  virtual void on_list(std::vector<ingress::controller::KubeItem> items) = 0;
  // One object is there in this form, or refused with its problems.
  virtual void on_upsert(ingress::controller::KubeItem item) = 0;
  virtual void on_delete(const ingress::controller::ObjectKey& key) = 0;
  // state() or problems() changed.
  virtual void on_state() = 0;

 protected:
  ~ReflectorSink() = default;
};

struct ReflectorScope {
  KubeKind kind;
  std::string namespace_ = {};      // empty: all
  std::string label_selector = {};  // as the API server takes it
  std::string name = {};            // only the object of this name
  ingress::controller::KubeForm form = ingress::controller::KubeForm::kWhole;
};

class Reflector {
 public:
  enum class State : unsigned char {
    kListing,    // the first list is not complete
    kSynced,     // the sink has a list
    kForbidden,  // 403, and there has been no list
    kAbsent,     // 404: the server does not have this kind, and there has been no list
  };
  struct Limits {
    std::size_t page_items = 500;
    std::size_t max_items = 1'000'000;  // of one list
  };

  Reflector(ReflectorScope scope, KubeTransport& transport, KubeClock& clock, ReflectorSink& sink,
            KindCounters& counters, Limits limits);
  Reflector(ReflectorScope scope, KubeTransport& transport, KubeClock& clock, ReflectorSink& sink,
            KindCounters& counters)
      : Reflector(std::move(scope), transport, clock, sink, counters, Limits()) {}

  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;
  ~Reflector();

  // Begins; later: gives up what is under way and lists anew.
  void list_now();

  State state() const { return state_; }
  // Nothing to wait for any more before the first configuration.
  bool is_settled() const { return state_ != State::kListing; }
  const ReflectorScope& scope() const { return scope_; }
  // What is missing, and how to grant it; items without a usable name.
  const std::vector<ingress::Problem>& problems() const { return problems_; }
  // Why the server has not been heard for some tries; empty while all is well.
  const std::string& trouble() const { return trouble_; }

 private:
  using Answer = std::expected<KubeAnswer, ingress::Error>;

  // The list.
  void list_anew();
  void ask_page();
  void on_page(Answer answer);
  void take_page(ingress::controller::KubeList page);
  void finish_list(const std::string& version);
  bool is_older(const std::string& version);
  // The watch.
  void watch();
  void on_watch_head(std::uint16_t status);
  void on_line(std::string_view line);
  void on_event(ingress::controller::KubeEvent event);
  void on_watch_error(const ingress::controller::KubeStatus& status);
  void on_watch_end(Answer answer);
  void on_silence();
  void end_watch();
  // What went wrong.
  void refuse(const KubeAnswer& answer);
  void list_after_failure(std::string why, std::optional<std::chrono::seconds> asked = {});
  void watch_after_failure(std::string why, std::optional<std::chrono::seconds> asked = {});
  void retry_in(std::chrono::milliseconds delay, void (Reflector::*step)());
  void note_failure(std::string why);
  void note_patience(const ingress::Error& error);
  void note_progress();
  void set_problems(std::vector<ingress::Problem> problems);
  void count_objects();
  std::string query(bool is_watch);
  std::string accept(std::string_view metadata_kind) const;

  const ReflectorScope scope_;
  KubeTransport& transport_;
  KubeClock& clock_;
  ReflectorSink& sink_;
  KindCounters& counters_;
  const Limits limits_;

  State state_ = State::kListing;
  std::unique_ptr<KubeTransport::Call> call_;  // at most one request is under way
  std::unique_ptr<KubeClock::Timer> timer_;    // the next try, or the end of a silent watch
  BackOff back_off_;
  ObjectVersions versions_;
  std::size_t num_counted_ = 0;  // of versions_, in the counters
  // Of the list under way.
  std::vector<ingress::controller::KubeItem> items_;
  std::vector<ingress::Problem> nameless_;
  std::string continue_token_;
  std::chrono::milliseconds patience_;  // for the next answer
  std::size_t page_items_;
  unsigned num_older_lists_ = 0, num_refusals_ = 0;
  // Of the watch under way.
  KubeClock::Time watch_began_{};
  std::chrono::seconds watch_seconds_{0};
  bool has_watch_head_ = false;
  bool has_watch_progress_ = false;  // some line of it was understood
  unsigned num_barren_watches_ = 0;  // that failed without any, in a row

  std::vector<ingress::Problem> problems_;
  std::string trouble_;
};

}  // namespace proxyd
