// What is known of the contents of certificates, by name: what a check said of them, and the last that were
// good.
//
// Owner: the Reconciler. Thread: its. Caller: names each certificate after its Secret, and forgets those
// whose Secret is gone.
// Always true: what is unchanged is not checked again; only contents that a check found good are recalled.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/translate.h"
#include "ingress/certificate.h"
#include "ingress/config.h"

namespace ingress::controller {

class CertificateMemory {
 public:
  // What is wrong with `certificate`: what validate() and `check` say, with their fields as they are
  // ("chain", "key"). The reference is good until the next call.
  const std::vector<Problem>& judge(const Certificate& certificate, const CertificateCheck& check);

  bool has_good(const std::string& name) const;
  // Gives `certificate` the last good contents of its name; false when there are none.
  bool recall(Certificate& certificate) const;

  // Forgets all certificates whose origin `is_gone`.
  void forget(const std::function<bool(const Origin& origin)>& is_gone);

 private:
  struct Contents {
    std::string chain;
    SecretText key;
  };
  struct Known {
    Certificate judged;  // as it was
    std::vector<Problem> problems;
    bool is_good = false;
    std::optional<Contents> last_good;  // while `judged` is not
  };
  std::map<std::string, Known> known_;
};

}  // namespace ingress::controller
