#include "proxyd/ocsp_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <ctime>

namespace proxyd {
namespace {

using std::chrono::milliseconds;

// "http://Ocsp.example:80/a" -> "ocsp.example:80". What is no such URL is a host of its own: it is refused
// later.
std::string host_of(const std::string& url) {
  const std::size_t begin = url.find("//");
  if (begin == url.npos) return url;
  const std::size_t end = url.find_first_of("/?", begin + 2);
  std::string host = url.substr(begin + 2, end == url.npos ? url.npos : end - begin - 2);
  std::ranges::transform(host, host.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return host;
}

std::string time_text(OcspBook::Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  char text[32] = "";
  if (gmtime_r(&seconds, &parts) != nullptr) std::strftime(text, sizeof text, "%FT%TZ", &parts);
  return text;
}

ingress::Origin object_of(const ingress::Certificate& certificate) {
  if (certificate.origin != ingress::Origin{}) return certificate.origin;
  return {"Certificate", "", certificate.name};
}

ingress::Problem warning(const ingress::Origin& object, std::string why, std::string fix) {
  return {.severity = ingress::Severity::kWarning,
          .object = object,
          .field = "ocsp_response",
          .why = std::move(why),
          .fix = std::move(fix)};
}

}  // namespace

bool OcspBook::has_answer(const Entry& entry, Time now) {
  return entry.answer && now < entry.answer->next_update;
}

void OcspBook::fill(ingress::Certificate& certificate, Time now) const {
  const auto found = entries_.find(certificate.name);
  if (found == entries_.end() || !certificate.ocsp_response.empty()) return;
  if (found->second.certificate.chain == certificate.chain && has_answer(found->second, now))
    certificate.ocsp_response = found->second.answer->text;
}

OcspBook::News OcspBook::read(const ingress::Certificate& certificate) const {
  News news{.name = certificate.name, .chain_hash = std::hash<std::string>()(certificate.chain)};
  if (!certificate.ocsp_response.empty()) return news;
  if (const auto other = others_.find(news.name); other != others_.end()) {
    news.is_known = other->second.chain_hash == news.chain_hash;
    if (news.is_known) return news;
  }
  auto question = rules_.make_question(certificate);
  if (question) {
    news.certificate = certificate;
    news.question = std::move(*question);
  } else if (question.error().code != ingress::ErrorCode::kNotFound) {
    news.object = object_of(certificate);
    news.why_not = question.error().text();
  }
  return news;
}

void OcspBook::put(News news, Time now) {
  if (news.is_known) return;
  const auto known = entries_.find(news.name);
  if (news.certificate && known != entries_.end() &&
      known->second.certificate.chain == news.certificate->chain) {
    known->second.certificate = std::move(*news.certificate);
    return;
  }
  remove(news.name);
  if (news.certificate && entries_.size() >= kMaxCertificates) {
    news.object = object_of(*news.certificate);
    news.why_not = fmt::format("more than {} certificates name OCSP responders", kMaxCertificates);
    news.certificate.reset();
  }
  if (!news.certificate) {
    others_.emplace(news.name, Other{news.chain_hash, std::move(news.object), std::move(news.why_not)});
    return;
  }
  Entry entry{.id = next_id_++,
              .certificate = std::move(*news.certificate),
              .question = std::move(news.question),
              .host = {},
              .answer = {},
              .due = now,
              .error = {}};
  entry.host = host_of(entry.question.url);
  entries_.emplace(news.name, std::move(entry));
}

void OcspBook::remove(const std::string& name) {
  entries_.erase(name);
  others_.erase(name);
}

void OcspBook::keep_only(const std::function<bool(const std::string& name)>& is_served) {
  std::erase_if(entries_, [&](const auto& entry) { return !is_served(entry.first); });
  std::erase_if(others_, [&](const auto& other) { return !is_served(other.first); });
}

bool OcspBook::Room::has(const Entry& entry) const {
  const std::string& namespace_ = entry.certificate.origin.namespace_;
  const auto of_namespace = namespaces.find(namespace_);
  return num_asking < kMaxAsking && !hosts.contains(entry.host) &&
         (namespace_.empty() || of_namespace == namespaces.end() || of_namespace->second < kMaxOfNamespace);
}

void OcspBook::Room::take(const Entry& entry) {
  ++num_asking;
  hosts.insert(entry.host);
  ++namespaces[entry.certificate.origin.namespace_];
}

OcspBook::Room OcspBook::room() const {
  Room room;
  for (const auto& [_, entry] : entries_)
    if (entry.is_asking) room.take(entry);
  return room;
}

// Those that have waited longest come first: who failed has been put off already.
std::vector<OcspBook::Asking> OcspBook::take_due(Time now) {
  std::vector<Entry*> due;
  for (auto& [_, entry] : entries_)
    if (!entry.is_asking && entry.due <= now) due.push_back(&entry);
  std::ranges::sort(due, {}, &Entry::due);
  std::vector<Asking> out;
  Room left = room();
  for (Entry* entry : due) {
    if (!left.has(*entry)) continue;
    left.take(*entry);
    entry->is_asking = true;
    out.push_back({entry->id, entry->question});
  }
  return out;
}

void OcspBook::ask_again(Time now) {
  for (auto& [_, entry] : entries_) {
    entry.due = now;
    entry.num_failures = 0;
  }
}

bool OcspBook::awaits(Id id) const {
  return std::ranges::any_of(
      entries_, [id](const auto& entry) { return entry.second.id == id && entry.second.is_asking; });
}

std::optional<OcspBook::Time> OcspBook::next_due() const {
  std::optional<Time> next;
  const Room left = room();
  for (const auto& [_, entry] : entries_)
    if (!entry.is_asking && (!next || entry.due < *next) && left.has(entry)) next = entry.due;
  return next;
}

// Nine to eleven tenths: what was asked together is not asked together for ever.
milliseconds OcspBook::spread(milliseconds time) {
  return milliseconds(
      std::uniform_int_distribution<std::int64_t>(time.count() * 9 / 10, time.count() * 11 / 10)(random_));
}

void OcspBook::fail(Entry& entry, std::string why, Time now) {
  constexpr unsigned kMostDoublings = 10;
  const milliseconds wait = kMinWait * (1U << std::min(entry.num_failures, kMostDoublings));
  entry.due = now + spread(std::min<milliseconds>(wait, kMaxWait));
  ++entry.num_failures;
  entry.error = std::move(why);
  ++num_fetches_failed_;
}

std::optional<ingress::Certificate> OcspBook::on_response(Id id,
                                                          std::expected<std::string, ingress::Error> response,
                                                          Time now) {
  const auto found =
      std::ranges::find_if(entries_, [id](const auto& entry) { return entry.second.id == id; });
  if (found == entries_.end() || !found->second.is_asking) return std::nullopt;
  Entry& entry = found->second;
  entry.is_asking = false;
  if (!response) {
    fail(entry, fmt::format("{}: {}", ingress::to_string(response.error().code), response.error().text()),
         now);
    return std::nullopt;
  }
  auto answer = rules_.check_response(entry.certificate, *response, now);
  if (!answer) {
    fail(entry, answer.error().text(), now);
    // Its issuer has taken back what it said before.
    if (answer.error().code != ingress::ErrorCode::kNotFound || !entry.answer) return std::nullopt;
    entry.answer.reset();
    return entry.certificate;
  }
  ++num_fetches_ok_;
  entry.num_failures = 0;
  entry.error.clear();
  // Half of its whole time, or of what is left of it where responders make answers long before they are
  // asked.
  const Time half = answer->this_update + (answer->next_update - answer->this_update) / 2;
  const auto wait =
      std::chrono::floor<milliseconds>(half > now ? half - now : (answer->next_update - now) / 2);
  entry.due = now + std::max<milliseconds>(spread(wait), kMinWait);
  const bool is_new = !entry.answer || *entry.answer != *answer;
  entry.answer = std::move(*answer);
  if (!is_new) return std::nullopt;
  ingress::Certificate certificate = entry.certificate;
  certificate.ocsp_response = entry.answer->text;
  return certificate;
}

std::vector<ingress::Problem> OcspBook::problems(Time now) const {
  std::vector<ingress::Problem> problems;
  for (const auto& [_, entry] : entries_) {
    if (entry.error.empty()) continue;
    const std::string what_stays = has_answer(entry, now) ? fmt::format("the last answer is used until {}",
                                                                        time_text(entry.answer->next_update))
                                                          : "clients get none";
    problems.push_back(warning(
        object_of(entry.certificate),
        fmt::format("no new OCSP response from {}: {}; {}", entry.question.url, entry.error, what_stays),
        "see whether the responder answers; it is asked again"));
  }
  for (const auto& [_, other] : others_) {
    if (!other.why.empty())
      problems.push_back(warning(other.object, "no OCSP response can be asked for: " + other.why,
                                 "put the issuer's certificate behind the certificate"));
  }
  return problems;
}

OcspBook::Counts OcspBook::counts(Time now) const {
  Counts counts{.num_certificates = entries_.size(),
                .num_fetches_ok = num_fetches_ok_,
                .num_fetches_failed = num_fetches_failed_};
  for (const auto& [_, entry] : entries_) counts.num_answered += has_answer(entry, now) ? 1 : 0;
  return counts;
}

}  // namespace proxyd
