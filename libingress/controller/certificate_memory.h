// What is known of the contents of certificates, by name: what a check said of them, and the last that were
// good.
//
// Owner: the Reconciler. Thread: its. Caller: names each certificate after its Secret, and forgets those
// whose Secret is gone.
// Always true: what is unchanged is not checked again within the hour; only contents that a check found good
// are recalled.
// Time passes for what is unchanged too: certificates begin to be valid, and expire. What was judged an hour
// ago is judged again when it is asked for, so a change of its warnings shows with the first translation
// after that, whatever caused it: nothing here causes one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/translate.h"
#include "ingress/certificate.h"
#include "ingress/config.h"

namespace ingress::controller {

class CertificateMemory {
 public:
  using Time = std::chrono::system_clock::time_point;  // that of their validity
  static constexpr std::chrono::hours kJudgeAgainAfter{1};
  // For age, between two calls of forget(): a hundred thousand certificates do not stop us at once.
  static constexpr std::size_t kMaxJudgedAgain = 1000;
  static constexpr std::size_t kMaxNameWarnings = 10;

  struct Judgement {
    Certificate certificate;  // as it was
    // What validate() and the check say, with their fields as they are ("chain", "key"). Of warnings about
    // single server names there are the first kMaxNameWarnings, and one that says how many there were more.
    std::vector<Problem> problems;
    std::vector<std::uint32_t> uncovered;  // server_names that it is not for, by index, sorted
    Time at;
    bool is_good = false;

    bool covers(std::size_t server_name) const;
  };

  // The reference is good until the next call.
  const Judgement& judge(const Certificate& certificate, const CertificateCheck& check, Time now);

  bool has_good(const std::string& name) const;
  // Gives `certificate` the last good contents of its name, and tells what is known of them with its server
  // names; null when there are none. Good until the next call.
  const Judgement* recall(Certificate& certificate, const CertificateCheck& check, Time now);

  // Forgets all certificates whose origin `is_gone`.
  void forget(const std::function<bool(const Origin& origin)>& is_gone);
  void forget(const std::string& name);
  // Those to be judged again by now, kMaxJudgedAgain at most; each once, until it is judged or recalled.
  std::vector<std::string> take_due(Time now);

 private:
  struct Known {
    Judgement last;
    std::optional<Judgement> last_good;  // while `last` is not
    std::optional<Time> noted;           // in by_age_
  };
  bool is_due(const Judgement& judgement, Time now);
  void note_age(const std::string& name, Known& known);

  std::map<std::string, Known> known_;
  std::set<std::pair<Time, std::string>> by_age_;
  std::size_t num_judged_again_ = 0;
};

}  // namespace ingress::controller
