// Secrets become certificates, as good as the memory knows them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/certificate_memory.h"
#include "controller/problem_list.h"
#include "controller/store.h"
#include "controller/translate.h"
#include "controller/translate_backends.h"
#include "ingress/certificate.h"

namespace ingress::controller {

class CertificateMaker {
 public:
  struct Made {
    Certificate certificate;
    const CertificateMemory::Judgement* judgement;  // good until the next call
  };

  // Borrows all.
  CertificateMaker(const Store& store, const TranslateOptions& options, CertificateMemory& memory,
                   ProblemList& problems)
      : store_(store), options_(options), memory_(memory), problems_(problems), now_(options.now()) {}

  // Whether there is a Secret of the type for TLS; what is wrong with naming it is a problem of `referrer`.
  bool can_be_named(const ObjectName& secret, const Referrer& referrer);
  // With the contents of the Secret, else the last good ones; nothing without either. What is wrong with the
  // contents is a problem of the Secret.
  std::optional<Made> make(const ObjectName& secret, std::vector<std::string> server_names);

  static bool is_there(const Store& store, const ObjectName& secret);

 private:
  void report_contents(const Certificate& certificate, const std::string& source,
                       const std::vector<Problem>& found);

  const Store& store_;
  const TranslateOptions& options_;
  CertificateMemory& memory_;
  ProblemList& problems_;
  CertificateMemory::Time now_;
};

}  // namespace ingress::controller
