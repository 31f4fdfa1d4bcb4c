#include "policy/reserved_headers.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ingress::policy {
namespace {

TEST_CASE("EverySpellingThatABackendMayTakeForOursIsCovered") {
  const ReservedHeaders reserved({"X-Client-Subject", "ssl-client-cert", "X-Client-Subject"});
  struct Row {
    const char* name;
    bool is_covered;
  };
  const Row rows[] = {{"X-Client-Subject", true},  {"x-client-subject", true},
                      {"X_CLIENT_SUBJECT", true},  {"X-Client_Subject", true},
                      {"SSL_Client-Cert", true},   {"ssl-client-cert", true},
                      {"X-Client-Subjec", false},  {"X-Client-Subject2", false},
                      {"X.Client.Subject", true},  {"x!client~subject", true},
                      {"XaClient-Subject", false}, {"X1Client-Subject", false},
                      {"ssl-client-cerT-", false}, {"", false},
                      {"xxl-client-cert", false}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(reserved.cover(row.name) == row.is_covered);
  }
  const std::string long_name(64 + 15, 'a');  // as long as one of them, modulo 64
  CHECK_FALSE(reserved.cover(long_name));
}

TEST_CASE("RemovesAllOfThemAndNothingElse") {
  Headers headers;
  headers.add("a", "1");
  headers.add("X_Client-Subject", "forged");
  headers.add("b", "2");
  headers.add("x-client-subject", "forged");
  const ReservedHeaders reserved({"X-Client-Subject"});
  CHECK(reserved.cover_any(headers));
  reserved.remove_from(headers);
  REQUIRE(headers.size() == 2);
  CHECK(headers.get("a") == "1");
  CHECK(headers.get("b") == "2");
  CHECK_FALSE(reserved.cover_any(headers));
}

TEST_CASE("EachOfManyNamesIsFoundInEverySpelling") {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i)
    names.push_back("X-Client-" + std::to_string(i % 10) + "-" + std::to_string(i));
  const ReservedHeaders reserved(names);
  for (const std::string& name : names) {
    CAPTURE(name);
    std::string other = name;
    std::ranges::replace(other, '-', '_');
    other[2] = 'c';
    CHECK(reserved.cover(name));
    CHECK(reserved.cover(other));
    CHECK_FALSE(reserved.cover(name + "x"));
    other[0] = 'y';
    CHECK_FALSE(reserved.cover(other));
  }
}

TEST_CASE("NamesComeFromEveryFieldThatIsTold") {
  std::vector<std::string> names;
  add_reserved_names({}, names);
  CHECK(names.empty());
  add_reserved_names(ClientCertificates{.headers = {.verified = "a",
                                                    .subject = "b",
                                                    .issuer = "c",
                                                    .subject_alt_names = "d",
                                                    .fingerprint = "e",
                                                    .certificate = "f"}},
                     names);
  CHECK(names == std::vector<std::string>{"a", "b", "c", "d", "e", "f"});
}

}  // namespace
}  // namespace ingress::policy
