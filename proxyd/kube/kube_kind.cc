#include "proxyd/kube/kube_kind.h"

#include <fmt/format.h>

namespace proxyd {
namespace {

// Of "... User 'system:serviceaccount:ns:name' cannot list ...", as read_kube_status() gives it: an argument
// of kubectl create rolebinding.
std::string subject_of(std::string_view refusal) {
  constexpr std::string_view kUser = "User '";
  constexpr std::string_view kServiceAccount = "system:serviceaccount:";
  const std::size_t begin = refusal.find(kUser);
  if (begin == std::string_view::npos) return "--serviceaccount=NAMESPACE:NAME";
  std::string_view user = refusal.substr(begin + kUser.size());
  user = user.substr(0, user.find('\''));
  // Into a line that somebody may paste into a shell goes nothing but names.
  const bool is_name =
      user.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:@") ==
      std::string_view::npos;
  if (!is_name || user.empty()) return "--user=USER";
  if (user.starts_with(kServiceAccount))
    return fmt::format("--serviceaccount={}", user.substr(kServiceAccount.size()));
  return fmt::format("--user={}", user);
}

std::string resource_of(const KubeKind& kind) {
  return kind.group.empty() ? std::string(kind.plural) : fmt::format("{}.{}", kind.plural, kind.group);
}

}  // namespace

std::string collection_path(const KubeKind& kind, std::string_view namespace_) {
  std::string path = kind.group.empty() ? "/api/v1" : fmt::format("/apis/{}/v1", kind.group);
  if (kind.is_namespaced && !namespace_.empty()) path += fmt::format("/namespaces/{}", namespace_);
  return fmt::format("{}/{}", path, kind.plural);
}

std::string escape_query(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '.' || c == '_' || c == '~';
    if (is_plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string describe(const KubeKind& kind, std::string_view namespace_) {
  if (!kind.is_namespaced) return resource_of(kind);
  if (namespace_.empty()) return fmt::format("{} in all namespaces", resource_of(kind));
  return fmt::format("{} in namespace {}", resource_of(kind), namespace_);
}

std::string how_to_grant(const KubeKind& kind, std::string_view namespace_, std::string_view name,
                         std::string_view refusal) {
  const bool is_cluster_wide = !kind.is_namespaced || namespace_.empty();
  const std::string role = fmt::format("proxyd-read-{}{}{}", kind.plural, name.empty() ? "" : "-", name);
  const std::string names = name.empty() ? "" : fmt::format(" --resource-name={}", name);
  if (is_cluster_wide)
    return fmt::format(
        "kubectl create clusterrole {0} --verb=get,list,watch --resource={1}{2}; "
        "kubectl create clusterrolebinding {0} --clusterrole={0} {3}",
        role, resource_of(kind), names, subject_of(refusal));
  return fmt::format(
      "kubectl -n {4} create role {0} --verb=get,list,watch --resource={1}{2}; "
      "kubectl -n {4} create rolebinding {0} --role={0} {3}",
      role, resource_of(kind), names, subject_of(refusal), namespace_);
}

}  // namespace proxyd
