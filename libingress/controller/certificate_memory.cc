#include "controller/certificate_memory.h"

#include <utility>

#include "config/validate.h"

namespace ingress::controller {

const std::vector<Problem>& CertificateMemory::judge(const Certificate& certificate,
                                                     const CertificateCheck& check) {
  const auto [entry, is_new] = known_.try_emplace(certificate.name);
  Known& known = entry->second;
  // The names count too: a warning says which of them the certificate is not for.
  if (!is_new && known.judged == certificate) return known.problems;
  if (known.is_good) known.last_good = Contents{std::move(known.judged.chain), std::move(known.judged.key)};
  known.judged = certificate;
  known.problems.clear();
  config::validate_certificate(certificate, {}, known.problems);
  known.is_good = !config::has_errors(known.problems);
  if (known.is_good && check) {
    known.problems = check(certificate);
    known.is_good = !config::has_errors(known.problems);
  }
  if (known.is_good) known.last_good.reset();
  return known.problems;
}

bool CertificateMemory::has_good(const std::string& name) const {
  const auto found = known_.find(name);
  return found != known_.end() && (found->second.is_good || found->second.last_good);
}

bool CertificateMemory::recall(Certificate& certificate) const {
  if (!has_good(certificate.name)) return false;
  const Known& known = known_.at(certificate.name);
  certificate.chain = known.is_good ? known.judged.chain : known.last_good->chain;
  certificate.key = known.is_good ? known.judged.key : known.last_good->key;
  return true;
}

void CertificateMemory::forget(const std::function<bool(const Origin& origin)>& is_gone) {
  std::erase_if(known_, [&](const auto& entry) { return is_gone(entry.second.judged.origin); });
}

}  // namespace ingress::controller
