#include "proxyd/kube/object_versions.h"

#include <algorithm>
#include <charconv>

namespace proxyd {
namespace {

std::string name_of(const ingress::controller::ObjectKey& key) {
  return key.namespace_ + '/' + key.name;
}

}  // namespace

std::optional<std::uint64_t> version_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
  return number;
}

void ObjectVersions::replace(const std::string& list_version,
                             const std::vector<ingress::controller::KubeItem>& items) {
  live_.clear();
  deleted_.clear();
  deleted_order_.clear();
  live_.reserve(items.size());
  for (const auto& item : items)
    live_[name_of(item.read.key)] = version_number(item.resource_version).value_or(0);
  floor_ = newest_ = version_number(list_version).value_or(0);
  resume_version_ = list_version;
  is_disordered_ = false;
}

bool ObjectVersions::admit_upsert(const ingress::controller::ObjectKey& key, const std::string& version) {
  advance(version);
  const std::string name = name_of(key);
  const auto number = version_number(version);
  if (!number) {
    live_[name] = 0;
    return true;
  }
  if (const auto known = live_.find(name); known != live_.end()) {
    if (*number <= known->second) return false;
    known->second = *number;
    return true;
  }
  const auto gone = deleted_.find(name);
  if (*number <= std::max(floor_, gone == deleted_.end() ? 0 : gone->second)) return false;
  live_.emplace(name, *number);
  return true;
}

bool ObjectVersions::admit_delete(const ingress::controller::ObjectKey& key, const std::string& version) {
  advance(version);
  const std::string name = name_of(key);
  const auto number = version_number(version);
  const auto known = live_.find(name);
  if (known != live_.end() && number && *number < known->second) return false;
  if (number) note_deleted(name, *number);
  if (known == live_.end()) return false;
  live_.erase(known);
  return true;
}

void ObjectVersions::advance(const std::string& version) {
  const auto number = version_number(version);
  if (!number) {
    resume_version_ = version;
    return;
  }
  if (*number < newest_) is_disordered_ = true;
  if (*number > newest_) {
    newest_ = *number;
    resume_version_ = version;
  }
}

void ObjectVersions::note_deleted(const std::string& name, std::uint64_t version) {
  auto& known = deleted_[name];
  if (version <= known) return;
  known = version;
  deleted_order_.emplace_back(name, version);
  while (deleted_order_.size() > kMaxDeleted) {
    const auto& [oldest, its_version] = deleted_order_.front();
    if (const auto found = deleted_.find(oldest); found != deleted_.end() && found->second == its_version) {
      floor_ = std::max(floor_, its_version);
      deleted_.erase(found);
    }
    deleted_order_.pop_front();
  }
}

}  // namespace proxyd
