// Repairs of what is said of TLS: whatever was meant, clients get no more of it.
#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/bounds.h"
#include "config/fields_listener.h"
#include "config/repairs.h"
#include "config/syntax.h"
#include "config/tls_policy.h"
#include "config/validate.h"

namespace ingress::config {
namespace {

// Each once. False when none is left of those that there were.
template <class E>
bool keep_enumerators(std::vector<E>& list) {
  const bool was_empty = list.empty();
  std::vector<E> kept;
  for (const E value : list) {
    if (is_within_bounds({}, value) && std::ranges::find(kept, value) == kept.end()) kept.push_back(value);
  }
  list = std::move(kept);
  return was_empty || !list.empty();
}

// Lets nobody in; but names of `headers` that can be kept stay reserved, on other listeners too.
ClientCertificates refuse_all(const ClientCertificateHeaders& headers) {
  ClientCertificates refusing{.mode = ClientCertificateMode::kRefuse};
  describe(
      [&]<class M>(const FieldInfo&, M ClientCertificateHeaders::* member) {
        refusing.headers.*member = headers.*member;
        const bool is_unusable =
            is_faulty([&](Reporter& reporter) { check_listener_clients(refusing, {}, reporter); });
        if (is_unusable) (refusing.headers.*member).clear();
      },
      static_cast<const ClientCertificateHeaders*>(nullptr));
  return refusing;
}

}  // namespace

void quarantine_tls(ListenerTls& tls) {
  // What cannot be read may have been meant to allow less than the defaults do.
  bool is_clear = is_within_bounds({}, tls.preset) && is_within_bounds({}, tls.min_version);
  // Before the bounds, which a list that repeats itself would break: it must not become all there is.
  if (!keep_enumerators(tls.tls12_ciphers)) is_clear = false;
  if (!keep_enumerators(tls.groups)) is_clear = false;
  reset_out_of_bounds(tls);
  if (!is_clear) tls.min_version = TlsVersion::kTls13;
  if (min_version_of(tls) > max_version_of(tls)) tls.max_version.reset();
  if (min_version_of(tls) == TlsVersion::kTls12 && !tls.groups.empty() &&
      std::ranges::all_of(tls.groups, is_hybrid)) {
    tls.min_version = TlsVersion::kTls13;
    tls.max_version.reset();
  }
  if (min_version_of(tls) == TlsVersion::kTls13) tls.tls12_ciphers.clear();
  if (is_faulty_name(tls.default_certificate)) tls.default_certificate.clear();
  // Whom a broken one would let in is not known.
  const bool is_open_to_doubt = tls.client_certificates && is_faulty([&](Reporter& reporter) {
                                  check_listener_clients(*tls.client_certificates, {}, reporter);
                                });
  if (is_open_to_doubt) tls.client_certificates = refuse_all(tls.client_certificates->headers);
}

Repair quarantine_tls_policy(TlsPolicy& policy) {
  // Those that clients may ask for in another spelling are kept in theirs.
  std::vector<std::string> names;
  std::unordered_set<std::string> seen;
  for (std::string& name : policy.server_names) {
    std::string spelling = base::to_lower_ascii(name);
    if (spelling.ends_with('.')) spelling.pop_back();
    if (server_name_fault(spelling) == nullptr && seen.insert(spelling).second) names.push_back(spelling);
  }
  policy.server_names = std::move(names);
  if (policy.server_names.empty()) return Repair::kDrop;
  ListenerTls settings = settings_of(policy);
  quarantine_tls(settings);
  if (!is_within_bounds({}, policy.preset)) policy.preset.reset();
  policy.min_version = settings.min_version;
  policy.max_version = settings.max_version;
  policy.tls12_ciphers = std::move(settings.tls12_ciphers);
  policy.groups = std::move(settings.groups);
  policy.client_certificates = std::move(settings.client_certificates);
  quarantine_origin(policy.origin);
  return Repair::kKeep;
}

// To leave one out would give its server names what the listener says, which may be more.
void quarantine_tls_policies(std::vector<TlsPolicy>& policies) {
  std::erase_if(policies, [](TlsPolicy& policy) { return quarantine_tls_policy(policy) == Repair::kDrop; });
  std::unordered_set<std::string> names;
  std::vector<TlsPolicy*> nameless;
  for (TlsPolicy& policy : policies) {
    const bool is_unusable =
        policy.name.empty() || is_faulty_name(policy.name) || !names.insert(policy.name).second;
    if (is_unusable) nameless.push_back(&policy);
  }
  std::size_t number = 0;
  for (TlsPolicy* policy : nameless) {
    const auto headers =
        policy->client_certificates ? policy->client_certificates->headers : ClientCertificateHeaders{};
    policy->client_certificates = refuse_all(headers);
    do {
      policy->name = "quarantined-" + std::to_string(++number);
    } while (!names.insert(policy->name).second);
  }
}

}  // namespace ingress::config
