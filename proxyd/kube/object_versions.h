// Which events of a watch are news: the resourceVersion of each object of one kind and namespace.
//
// Owner: a Reflector. Thread: the loop's. Pure bookkeeping, no I/O.
// Versions are opaque by contract but have always been numbers that rise; where they are numbers an event
// that is older than what is known is not admitted, so that repeated and reordered events do no harm. Where
// they are none every event is admitted.
// Always true: the versions of at most kMaxDeleted objects that are gone are kept; for those forgotten, no
// event at or below the newest of them brings one back.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/kube_json.h"

namespace proxyd {

std::optional<std::uint64_t> version_number(const std::string& text);

class ObjectVersions {
 public:
  static constexpr std::size_t kMaxDeleted = 1000;

  // A whole list: what it does not have is gone.
  void replace(const std::string& list_version, const std::vector<ingress::controller::KubeItem>& items);
  // Whether the event is news. `version` is the object's.
  bool admit_upsert(const ingress::controller::ObjectKey& key, const std::string& version);
  bool admit_delete(const ingress::controller::ObjectKey& key, const std::string& version);
  void note_bookmark(const std::string& version) { advance(version); }

  // From where a watch goes on.
  const std::string& resume_version() const { return resume_version_; }
  // The highest version seen since the last list, 0 when there is no number.
  std::uint64_t newest() const { return newest_; }
  // An event came behind a newer one: a watch that goes on might miss others, a list does not.
  bool is_disordered() const { return is_disordered_; }
  std::size_t size() const { return live_.size(); }

 private:
  void advance(const std::string& version);
  void note_deleted(const std::string& name, std::uint64_t version);

  std::unordered_map<std::string, std::uint64_t> live_;  // by "namespace/name"
  std::unordered_map<std::string, std::uint64_t> deleted_;
  std::deque<std::pair<std::string, std::uint64_t>> deleted_order_;
  std::uint64_t floor_ = 0;
  std::uint64_t newest_ = 0;
  std::string resume_version_;
  bool is_disordered_ = false;
};

}  // namespace proxyd
