// Which certificates need an answer of their issuer (OCSP), when to ask for it, and the answers that there
// are. Pure: no sockets, no timers, no clock of its own.
//
// Owner: OcspStapler. Thread: its.
// Always true: at most kMaxAsking questions are under way, one for a host, kMaxOfNamespace for certificates
// of one namespace, so that a responder who lets everybody wait holds up few others. An answer is kept until
// its time is over, whatever fails meanwhile, unless its issuer takes it back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingress/config.h"
#include "ingress/ocsp.h"

namespace proxyd {

class OcspBook {
 public:
  using Time = std::chrono::system_clock::time_point;
  using Id = std::uint64_t;
  // The library's, or a test's.
  struct Rules {
    std::function<std::expected<ingress::OcspQuestion, ingress::Error>(const ingress::Certificate&)>
        make_question = ingress::make_ocsp_question;
    std::function<std::expected<ingress::OcspAnswer, ingress::Error>(const ingress::Certificate&,
                                                                     std::string_view, Time)>
        check_response = ingress::check_ocsp_response;
  };
  static constexpr std::size_t kMaxCertificates = 10'000;  // each is kept whole
  static constexpr std::size_t kMaxAsking = 8, kMaxOfNamespace = 2;
  // Between two questions about one certificate; after failures twice as long each time.
  static constexpr std::chrono::seconds kMinWait{5}, kMaxWait{3'600};

  OcspBook(Rules rules, std::uint64_t seed) : rules_(std::move(rules)), random_(seed) {}

  // Puts the answer for `certificate` into it, when there is one that is valid and it has none of its own.
  void fill(ingress::Certificate& certificate, Time now) const;

  // What is to be known of a certificate before it is served. Costs little memory where there is nothing to
  // ask.
  struct News {
    std::string name;
    std::size_t chain_hash = 0;
    bool is_known = false;                            // nothing but what is known already
    std::optional<ingress::Certificate> certificate;  // to be asked about
    ingress::OcspQuestion question;
    ingress::Origin object;
    std::string why_not;  // where it should be and cannot
  };
  News read(const ingress::Certificate& certificate) const;
  // It is served from now on. One that has an answer of its own, names no responder, or is one too many is
  // not asked about.
  void put(News news, Time now);
  void remove(const std::string& name);
  // All that are served: others are forgotten.
  void keep_only(const std::function<bool(const std::string& name)>& is_served);

  struct Asking {
    Id id = 0;
    ingress::OcspQuestion question;
  };
  // What to ask now; each is under way until its on_response(). Linear in certificates.
  std::vector<Asking> take_due(Time now);
  // All are due at once, as if none had failed.
  void ask_again(Time now);
  // Whether anybody waits for its response: else its certificate is gone, or has another chain.
  bool awaits(Id id) const;
  // When take_due() has something next; nothing while that depends on answers.
  std::optional<Time> next_due() const;
  // The certificate to serve from now on, with a new answer or none; nothing when it stays as it is.
  std::optional<ingress::Certificate> on_response(Id id, std::expected<std::string, ingress::Error> response,
                                                  Time now);

  std::vector<ingress::Problem> problems(Time now) const;
  struct Counts {
    std::size_t num_certificates = 0, num_answered = 0;
    std::uint64_t num_fetches_ok = 0, num_fetches_failed = 0;
  };
  Counts counts(Time now) const;

 private:
  struct Entry {
    Id id = 0;
    ingress::Certificate certificate;  // as configured: without an answer
    ingress::OcspQuestion question;
    std::string host;
    std::optional<ingress::OcspAnswer> answer;
    Time due;
    bool is_asking = false;
    unsigned num_failures = 0;  // in a row
    std::string error;          // of the last try; empty when it went well
  };
  // What questions under way leave room for.
  struct Room {
    std::size_t num_asking = 0;
    std::set<std::string_view> hosts;
    std::map<std::string_view, std::size_t> namespaces;
    bool has(const Entry& entry) const;
    void take(const Entry& entry);
  };
  static bool has_answer(const Entry& entry, Time now);
  Room room() const;
  std::chrono::milliseconds spread(std::chrono::milliseconds time);
  void fail(Entry& entry, std::string why, Time now);

  Rules rules_;
  std::mt19937_64 random_;
  Id next_id_ = 1;
  std::map<std::string, Entry> entries_;  // by name
  // Those that are not asked about. A chain that hashes like another is nobody's but its owner's loss.
  struct Other {
    std::size_t chain_hash = 0;
    ingress::Origin object;  // with `why`
    std::string why;         // empty where the certificate names no responder
  };
  std::map<std::string, Other> others_;
  std::uint64_t num_fetches_ok_ = 0, num_fetches_failed_ = 0;
};

}  // namespace proxyd
