// What the cluster has written into objects: who they are, and their status.
#include <algorithm>

#include "base/text.h"
#include "controller/kind_readers.h"

namespace ingress::controller {
namespace {

constexpr std::size_t kMaxAddresses = 100;
constexpr std::size_t kMaxManagers = 64;
constexpr std::size_t kMaxManagerBytes = 128;  // the bound of the Kubernetes API
constexpr std::size_t kMaxUidBytes = 128;

const base::Value* find(const base::Value* value, std::initializer_list<std::string_view> way) {
  for (const std::string_view member : way) value = value == nullptr ? nullptr : value->find(member);
  return value;
}

std::string text_at(const base::Value* object, std::string_view member, std::size_t max_bytes) {
  const base::Value* const value = find(object, {member});
  const std::string* const text = value == nullptr ? nullptr : value->as_string();
  return text == nullptr || text->size() > max_bytes ? std::string() : *text;
}

// Calls `take` for the elements of a list, `max` at most.
template <typename Take>
void each(const base::Value* list, std::size_t max, Take take) {
  const base::Value::Array* const elements = list == nullptr ? nullptr : list->as_array();
  if (elements == nullptr) return;
  for (std::size_t i = 0; i < std::min(elements->size(), max); ++i) take((*elements)[i]);
}

}  // namespace

std::string read_uid(const base::Value* document) {
  std::string uid = text_at(find(document, {"metadata"}), "uid", kMaxUidBytes);
  const bool is_good = std::ranges::all_of(uid, base::is_token_char);
  return is_good ? uid : std::string();
}

std::vector<LoadBalancerAddress> read_load_balancer(const base::Value* document) {
  std::vector<LoadBalancerAddress> out;
  each(find(document, {"status", "loadBalancer", "ingress"}), kMaxAddresses, [&](const base::Value& entry) {
    LoadBalancerAddress address{.ip = text_at(&entry, "ip", kMaxTextBytes),
                                .hostname = text_at(&entry, "hostname", kMaxTextBytes)};
    if (!base::is_ip_address(address.ip)) address.ip.clear();
    if (!base::is_dns_name(address.hostname)) address.hostname.clear();
    out.push_back(std::move(address));
  });
  return out;
}

std::vector<std::string> read_status_managers(const base::Value* document) {
  std::vector<std::string> out;
  each(find(document, {"metadata", "managedFields"}), kMaxManagers, [&](const base::Value& entry) {
    if (text_at(&entry, "subresource", kMaxTextBytes) != "status") return;
    if (text_at(&entry, "operation", kMaxTextBytes) != "Apply") return;
    std::string manager = text_at(&entry, "manager", kMaxManagerBytes);
    if (!manager.empty()) out.push_back(std::move(manager));
  });
  return out;
}

std::vector<std::string> read_ip_addresses(const base::Value* document, std::string_view member) {
  std::vector<std::string> out;
  each(find(document, {"spec", member}), kMaxAddresses, [&](const base::Value& entry) {
    const std::string* const text = entry.as_string();  // a Service without an address says "None"
    if (text != nullptr && base::is_ip_address(*text)) out.push_back(*text);
  });
  return out;
}

}  // namespace ingress::controller
