// Tables of configurations that are good but for one thing, and of the field that is named for it.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "config/random_config.h"
#include "ingress/config.h"

namespace ingress::test {

inline GatewayConfig good_config() {
  return {.listeners = {{.name = "web", .port = 80}},
          .clusters = {{.name = "a", .endpoints = {{"10.0.0.1", 80}}}},
          .routes = {{.name = "r",
                      .hosts = {"a.example"},
                      .rules = {{.matches = {{.path = PathMatch::prefix("/")}},
                                 .backends = {{.cluster = "a"}}}}}},
          .certificates = {{.name = "c", .server_names = {"a.example"}, .chain = "c", .key = {"k"}}}};
}

struct Row {
  std::string field;
  std::function<void(GatewayConfig&)> spoil;
};

// Each row breaks one thing: exactly that field is reported.
inline void check_rows(const std::vector<Row>& rows, Severity severity) {
  for (const Row& row : rows) {
    GatewayConfig config = good_config();
    row.spoil(config);
    const auto problems = validate(config);
    CAPTURE(row.field);
    CAPTURE(text_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].field == row.field);
    CHECK(problems[0].severity == severity);
    CHECK_FALSE(problems[0].why.empty());
    CHECK_FALSE(problems[0].fix.empty());
  }
}

}  // namespace ingress::test
