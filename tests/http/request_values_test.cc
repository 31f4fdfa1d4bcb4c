#include "http/request_values.h"

#include <doctest/doctest.h>

using namespace ingress;

TEST_CASE("The first query parameter of a name counts, undecoded") {
  struct Row {
    std::string_view query, name;
    std::optional<std::string_view> value;
  };
  const Row rows[] = {
      {"", "a", std::nullopt},
      {"a", "a", ""},
      {"a=", "a", ""},
      {"a=1", "a", "1"},
      {"a=1&a=2", "a", "1"},
      {"b=1&a=2", "a", "2"},
      {"aa=1", "a", std::nullopt},
      {"A=1", "a", std::nullopt},
      {"a=1=2", "a", "1=2"},
      {"&&a=1", "a", "1"},
      {"a%3D=1", "a=", std::nullopt},
      {"a=%31", "a", "%31"},
      {"a=1;b=2", "b", std::nullopt},
      {"a=x+y", "a", "x+y"},
      {"&", "", std::nullopt},
      {"=1", "", "1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.query);
    CAPTURE(row.name);
    CHECK(http::query_parameter(row.query, row.name) == row.value);
  }
}

TEST_CASE("The first cookie of a name counts, with case, without quotes and white space") {
  struct Row {
    const char* field;
    std::optional<std::string_view> value;  // of "a"
  };
  const Row rows[] = {
      {"", std::nullopt},    {"a", std::nullopt}, {"a=", ""},           {"a=1", "1"},
      {"a=1; a=2", "1"},     {"b=1; a=2", "2"},   {"b=1;a=2;c=3", "2"}, {"aa=1", std::nullopt},
      {"A=1", std::nullopt}, {"a=1=2", "1=2"},    {";;a=1", "1"},       {" a = 1 ;b=2", "1"},
      {"a=\"1\"", "1"},      {"a=\"", "\""},      {"a=\"\"", ""},       {"b=a=1", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.field);
    Headers headers;
    headers.add("X-Cookie", "a=9");
    headers.add("cOOkie", row.field);
    CHECK(http::cookie(headers, "a") == row.value);
  }
  Headers two;
  two.add("Cookie", "b=1");
  two.add("Cookie", "a=2");
  CHECK(http::cookie(two, "a") == "2");
}
