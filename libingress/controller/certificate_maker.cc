#include "controller/certificate_maker.h"

#include <string_view>
#include <utility>

#include "controller/syntax.h"

namespace ingress::controller {
namespace {

constexpr const char* kTlsType = "kubernetes.io/tls";
constexpr const char* kChainKey = "tls.crt";
constexpr const char* kKeyKey = "tls.key";
constexpr const char* kLastGoodStays = "; the last good certificate of this Secret stays in use";

const StoredObject* find_secret(const Store& store, const ObjectName& name) {
  return store.find({Secret::kKind, name.first, name.second});
}

std::string value_of(const Secret& secret, const char* key) {
  const auto found = secret.data.find(key);
  return found == secret.data.end() ? std::string() : found->second;
}

// The field of the Secret that a field of Certificate was made from.
std::string secret_field(std::string_view field) {
  if (field.starts_with("data")) return std::string(field);
  field.remove_prefix(field.rfind('.') + 1);
  return std::string("data[\"") + (field.starts_with("key") ? kKeyKey : kChainKey) + "\"]";
}

}  // namespace

bool CertificateMaker::is_there(const Store& store, const ObjectName& secret) {
  const StoredObject* stored = find_secret(store, secret);
  return stored != nullptr && std::get<Secret>(stored->object).type == kTlsType;
}

bool CertificateMaker::can_be_named(const ObjectName& name, const Referrer& referrer) {
  const auto report = [&](std::string why, std::string fix) {
    problems_.add({.source = referrer.source,
                   .object = referrer.object,
                   .field = referrer.field,
                   .why = std::move(why),
                   .fix = std::move(fix)});
  };
  const StoredObject* stored = find_secret(store_, name);
  const std::string shown_name = quoted(name.second);
  if (stored == nullptr) {
    report("there is no Secret " + shown_name + " in namespace " + name.first,
           "create it, or name one that exists");
    return false;
  }
  const Secret& secret = std::get<Secret>(stored->object);
  if (secret.type != kTlsType) {
    report("Secret " + shown_name + " is of type " + quoted(secret.type) + ", not " + kTlsType,
           std::string("create it with type ") + kTlsType + ", or name another one");
    return false;
  }
  for (const char* key : {kChainKey, kKeyKey}) {
    const auto value = secret.data.find(key);
    if (value != secret.data.end() && !value->second.empty()) continue;
    report("Secret " + shown_name + " has no data[\"" + key + "\"]" +
               (memory_.has_good(name.first + '/' + name.second) ? kLastGoodStays : ""),
           "add it to the Secret");
  }
  return true;
}

std::optional<CertificateMaker::Made> CertificateMaker::make(const ObjectName& name,
                                                             std::vector<std::string> server_names) {
  const StoredObject* stored = find_secret(store_, name);
  if (stored == nullptr) return std::nullopt;
  const Secret& secret = std::get<Secret>(stored->object);
  Certificate out{.name = name.first + '/' + name.second,
                  .server_names = std::move(server_names),
                  .chain = value_of(secret, kChainKey),
                  .key = {value_of(secret, kKeyKey)},
                  .origin = {Secret::kKind, name.first, name.second}};
  const CertificateMemory::Judgement* judgement = nullptr;
  if (!out.chain.empty() && !out.key.text.empty()) {  // else who names it has been told
    judgement = &memory_.judge(out, options_.check_certificate, now_);
    report_contents(out, stored->source, judgement->problems);
  }
  if (judgement == nullptr || !judgement->is_good)
    judgement = memory_.recall(out, options_.check_certificate, now_);
  if (judgement == nullptr) return std::nullopt;
  return Made{std::move(out), judgement};
}

void CertificateMaker::report_contents(const Certificate& certificate, const std::string& source,
                                       const std::vector<Problem>& found) {
  for (Problem problem : found) {
    problem.source = source;
    problem.object = certificate.origin;
    problem.field = secret_field(problem.field);
    if (problem.severity == Severity::kError)
      problem.why += memory_.has_good(certificate.name) ? kLastGoodStays : "; the Secret is not used";
    problems_.add(std::move(problem));
  }
}

}  // namespace ingress::controller
