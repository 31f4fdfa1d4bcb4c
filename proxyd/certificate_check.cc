#include "proxyd/certificate_check.h"

#include <algorithm>

#include "ingress/certificate.h"
#include "ingress/ocsp.h"

namespace proxyd {

std::vector<ingress::Problem> check_certificate(const ingress::Certificate& certificate, Stapling stapling) {
  std::vector<ingress::Problem> problems = ingress::check_certificate(certificate);
  const auto is_of_response = [](const ingress::Problem& problem) {
    return problem.field == "ocsp_response";
  };
  if (stapling == Stapling::kOn && certificate.ocsp_response.empty() &&
      std::ranges::any_of(problems, is_of_response) && ingress::make_ocsp_question(certificate))
    std::erase_if(problems, is_of_response);
  return problems;
}

}  // namespace proxyd
