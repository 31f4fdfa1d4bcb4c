// From changes of objects to changes of configuration: batches in, deltas out.
//
// Owner: the daemon. Thread: the one that calls it. No timers and no I/O of its own: the caller asks
// due_in() and calls reconcile() then.
// Always true: changes are at least 50 ms quiet before they are translated, or 1 s old; an unchanged
// result is not sent on.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/certificate_memory.h"
#include "controller/manifest.h"
#include "controller/object_sink.h"
#include "controller/store.h"
#include "controller/translate.h"
#include "controller/translator.h"
#include "ingress/config.h"

namespace ingress::controller {

// Where configurations go: the server in this process, or a stream to another.
class ConfigSink {
 public:
  // Problems found when applying; empty = served from now on.
  virtual std::vector<Problem> apply(const ConfigDelta& delta) = 0;

 protected:
  ~ConfigSink() = default;
};

class Reconciler final : public ObjectSink {
 public:
  using Clock = ObjectSink::Clock;
  // The source of objects that come one by one.
  static constexpr const char* kCluster = "cluster";
  static constexpr std::chrono::milliseconds kQuiet{50};
  static constexpr std::chrono::milliseconds kMaxDelay{1000};

  Reconciler(TranslateOptions options, ConfigSink& sink);
  Reconciler(const Reconciler&) = delete;  // its parts refer to each other
  Reconciler& operator=(const Reconciler&) = delete;

  // A source was read: its objects and problems replace the earlier ones. An unreadable manifest keeps the
  // last good objects of the source and replaces only its problems.
  void update_source(const std::string& source, Manifest manifest, Clock::time_point now);
  void remove_source(const std::string& source, Clock::time_point now);

  // Single objects. A refused one is not there, but for a Secret that was: its last good certificate stays in
  // use. Changed problems are changes too, so that due_in() tells when to look at problems() again.
  void upsert(ReadObject object, Clock::time_point now) override;
  void remove(const ObjectKey& key, Clock::time_point now) override;
  void replace(const std::string& kind, const std::string& namespace_, std::vector<ReadObject> objects,
               Clock::time_point now) override;
  void set_source_problems(std::vector<Problem> problems) override;
  // Of all objects known by now, reconciled or not.
  References references();

  // Time until reconcile() should be called; nothing when no change waits.
  std::optional<std::chrono::milliseconds> due_in(Clock::time_point now) const;
  // Translates and sends the delta when there is one. The first call always sends, even when empty.
  void reconcile();

  // Everything wrong now, sorted: manifests, duplicates, translation, sink.
  std::vector<Problem> problems() const;
  std::size_t num_ignored_ingresses() const { return translator_.num_ignored_ingresses(); }
  GatewayConfig config() const { return translator_.config(); }  // as of the last reconcile(); made anew
  const Store& store() const { return store_; }

 private:
  void note_change(Clock::time_point now);
  // Whether they are other than before.
  bool keep_problems(const ObjectKey& key, std::vector<Problem> problems);
  std::optional<Object> object_to_keep(ReadObject& read) const;

  TranslateOptions options_;
  ConfigSink& sink_;
  Store store_;
  CertificateMemory certificates_;
  Translator translator_;
  std::map<std::string, std::vector<Problem>> source_problems_;
  std::map<ObjectKey, std::vector<Problem>> object_problems_;  // as single objects were read
  std::vector<Problem> sink_problems_;
  bool has_sent_ = false;
  std::optional<Clock::time_point> first_change_, last_change_;
};

}  // namespace ingress::controller
