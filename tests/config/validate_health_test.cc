// What a health check may ask for.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/random_config.h"
#include "ingress/config.h"

using namespace ingress;

namespace {

// "field: why" of the only problem; "" when there is none.
std::string problem_of(const HealthCheck& check, Severity severity) {
  const std::vector<Problem> problems =
      validate({.clusters = {{.name = "a", .endpoints = {{"10.0.0.1", 80}}, .health_check = check}}});
  CAPTURE(test::text_of(problems));
  CHECK(problems.size() <= 1);
  if (problems.empty()) return "";
  CHECK(problems[0].severity == severity);
  return problems[0].field + ": " + problems[0].why;
}

}  // namespace

TEST_CASE("AServiceIsAskedForByGrpcAlone") {
  constexpr auto kGrpc = HealthCheckType::kGrpc;
  const std::string field = "clusters[0].health_check.grpc_service: ";
  for (const char* service : {"", "a.B", "caf\xc3\xa9"}) {
    CHECK(problem_of({.type = kGrpc, .grpc_service = service}, Severity::kError).empty());
  }
  CHECK(problem_of({.type = kGrpc, .grpc_service = "caf\xe9"}, Severity::kError).starts_with(field));
  CHECK(problem_of({.type = kGrpc, .grpc_service = std::string(257, 's')}, Severity::kError)
            .starts_with(field));
  CHECK(problem_of({.grpc_service = "a.B"}, Severity::kWarning) == field + "means nothing for this type");
}
