#include "proxyd/kube/secret_source.h"

#include <utility>

#include "proxyd/kube/namespace_secrets.h"

namespace proxyd {

SecretSource::SecretSource(SecretContext context) : context_(std::move(context)) {}
SecretSource::~SecretSource() = default;

void SecretSource::want(const Names& names) {
  std::map<std::string, std::set<std::string>> by_namespace;
  for (const auto& [namespace_, name] : names) by_namespace[namespace_].insert(name);
  for (auto it = namespaces_.begin(); it != namespaces_.end();) {
    if (by_namespace.contains(it->first)) {
      ++it;
      continue;
    }
    it->second->want({});
    it = namespaces_.erase(it);
  }
  for (auto& [namespace_, wanted] : by_namespace) {
    auto& secrets = namespaces_[namespace_];
    if (!secrets) secrets = std::make_unique<NamespaceSecrets>(namespace_, context_);
    secrets->want(wanted);
  }
}

bool SecretSource::is_settled() const {
  for (const auto& [namespace_, secrets] : namespaces_)
    if (!secrets->is_settled()) return false;
  return true;
}

std::vector<ingress::Problem> SecretSource::problems() const {
  std::vector<ingress::Problem> out;
  for (const auto& [namespace_, secrets] : namespaces_) {
    auto some = secrets->problems();
    out.insert(out.end(), some.begin(), some.end());
  }
  return out;
}

std::string SecretSource::trouble() const {
  for (const auto& [namespace_, secrets] : namespaces_)
    if (std::string trouble = secrets->trouble(); !trouble.empty()) return trouble;
  return {};
}

}  // namespace proxyd
