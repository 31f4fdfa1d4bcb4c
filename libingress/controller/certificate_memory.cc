#include "controller/certificate_memory.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>
#include <utility>

#include "config/validate.h"

namespace ingress::controller {
namespace {

constexpr std::string_view kServerNames = "server_names";

// The index in "server_names[3]".
std::optional<std::uint32_t> server_name_of(std::string_view field) {
  if (!field.starts_with(kServerNames)) return std::nullopt;
  field.remove_prefix(kServerNames.size());
  if (!field.starts_with('[') || !field.ends_with(']')) return std::nullopt;
  std::uint32_t index = 0;
  const char* const end = field.data() + field.size() - 1;
  const auto [at, error] = std::from_chars(field.data() + 1, end, index);
  if (error != std::errc() || at != end) return std::nullopt;
  return index;
}

// Which names the warnings of a check mean, and only so many of those warnings.
void read_name_warnings(CertificateMemory::Judgement& judgement) {
  std::vector<std::uint32_t>& uncovered = judgement.uncovered;
  bool is_shortened = false;  // the check itself has left some out, in the order of the names
  std::size_t num_more = 0;
  std::erase_if(judgement.problems, [&](const Problem& problem) {
    if (problem.severity != Severity::kWarning) return false;
    if (problem.field == kServerNames) is_shortened = true;
    const auto index = server_name_of(problem.field);
    if (!index) return false;
    uncovered.push_back(*index);
    const bool is_kept = uncovered.size() <= CertificateMemory::kMaxNameWarnings;
    if (!is_kept) ++num_more;
    return !is_kept;
  });
  std::ranges::sort(uncovered);
  // Any of those behind the last one that it named may be meant.
  if (is_shortened) {
    const std::uint32_t first = uncovered.empty() ? 0 : uncovered.back() + 1;
    for (std::uint32_t i = first; i < judgement.certificate.server_names.size(); ++i) uncovered.push_back(i);
  }
  if (num_more == 0) return;
  judgement.problems.push_back({.severity = Severity::kWarning,
                                .object = judgement.certificate.origin,
                                .field = std::string(kServerNames),
                                .why = "and " + std::to_string(num_more) + " more of its server names",
                                .fix = "mend the listed ones first"});
}

CertificateMemory::Judgement make_judgement(const Certificate& certificate, const CertificateCheck& check,
                                            CertificateMemory::Time now) {
  CertificateMemory::Judgement out{.certificate = certificate, .at = now};
  config::validate_certificate(certificate, {}, out.problems);
  out.is_good = !config::has_errors(out.problems);
  if (!out.is_good || !check) return out;
  out.problems = check(certificate);
  out.is_good = !config::has_errors(out.problems);
  read_name_warnings(out);
  return out;
}

}  // namespace

bool CertificateMemory::Judgement::covers(std::size_t server_name) const {
  return !std::ranges::binary_search(uncovered, server_name);
}

bool CertificateMemory::is_due(const Judgement& judgement, Time now) {
  // A clock that was set back tells nothing of what has passed.
  if (now >= judgement.at && now - judgement.at < kJudgeAgainAfter) return false;
  return num_judged_again_++ < kMaxJudgedAgain;
}

const CertificateMemory::Judgement& CertificateMemory::judge(const Certificate& certificate,
                                                             const CertificateCheck& check, Time now) {
  const auto [entry, is_new] = known_.try_emplace(certificate.name);
  Known& known = entry->second;
  // The names count too: a warning says which of them the certificate is not for.
  if (!is_new && known.last.certificate == certificate && !is_due(known.last, now)) {
    note_age(certificate.name, known);
    return known.last;
  }
  Judgement judgement = make_judgement(certificate, check, now);
  if (judgement.is_good) {
    known.last_good.reset();
  } else if (known.last.is_good) {
    known.last_good = std::move(known.last);
  }
  known.last = std::move(judgement);
  note_age(certificate.name, known);
  return known.last;
}

bool CertificateMemory::has_good(const std::string& name) const {
  const auto found = known_.find(name);
  return found != known_.end() && (found->second.last.is_good || found->second.last_good);
}

const CertificateMemory::Judgement* CertificateMemory::recall(Certificate& certificate,
                                                              const CertificateCheck& check, Time now) {
  if (!has_good(certificate.name)) return nullptr;
  Known& known = known_.at(certificate.name);
  Judgement& good = known.last.is_good ? known.last : *known.last_good;
  certificate.chain = good.certificate.chain;
  certificate.key = good.certificate.key;
  if (good.certificate == certificate && !is_due(good, now)) {
    note_age(certificate.name, known);
    return &good;
  }
  Judgement judgement = make_judgement(certificate, check, now);
  if (judgement.is_good) good = std::move(judgement);  // else it was so: what is served stays served
  note_age(certificate.name, known);
  return &good;
}

void CertificateMemory::note_age(const std::string& name, Known& known) {
  if (known.noted) by_age_.erase({*known.noted, name});
  known.noted = known.last_good ? std::min(known.last.at, known.last_good->at) : known.last.at;
  by_age_.emplace(*known.noted, name);
}

std::vector<std::string> CertificateMemory::take_due(Time now) {
  num_judged_again_ = 0;
  std::vector<std::string> out;
  const auto take = [&](auto at) {
    known_.at(at->second).noted.reset();
    out.push_back(at->second);
    by_age_.erase(at);
  };
  while (!by_age_.empty() && out.size() < kMaxJudgedAgain && now - by_age_.begin()->first >= kJudgeAgainAfter)
    take(by_age_.begin());
  // Of a clock that was set back.
  while (!by_age_.empty() && out.size() < kMaxJudgedAgain && std::prev(by_age_.end())->first > now)
    take(std::prev(by_age_.end()));
  return out;
}

void CertificateMemory::forget(const std::string& name) {
  const auto found = known_.find(name);
  if (found == known_.end()) return;
  if (found->second.noted) by_age_.erase({*found->second.noted, name});
  known_.erase(found);
}

void CertificateMemory::forget(const std::function<bool(const Origin& origin)>& is_gone) {
  for (auto at = known_.begin(); at != known_.end();) {
    const auto next = std::next(at);
    if (is_gone(at->second.last.certificate.origin)) forget(std::string(at->first));
    at = next;
  }
  num_judged_again_ = 0;
}

}  // namespace ingress::controller
