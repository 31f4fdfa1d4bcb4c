#include "base/value.h"

#include <doctest/doctest.h>

using namespace ingress::base;

TEST_CASE("ValuesTellTheirType") {
  CHECK(Value().is_null());
  CHECK(to_string(Value().type()) == "null");
  CHECK(to_string(Value(true).type()) == "bool");
  CHECK(to_string(Value(std::int64_t{1}).type()) == "integer");
  CHECK(to_string(Value(1.5).type()) == "number");
  CHECK(to_string(Value(std::string("x")).type()) == "string");
  CHECK(to_string(Value(Value::Array{}).type()) == "list");
  CHECK(to_string(Value(Value::Object{}).type()) == "object");
  CHECK(Value(true).as_int() == nullptr);
}

TEST_CASE("FindLooksAtMembersOfAnObjectOnly") {
  Value::Object members;
  members.emplace_back("a", Value(std::int64_t{1}));
  members.emplace_back("b", Value(std::string("x")));
  const Value object(std::move(members));
  REQUIRE(object.find("b"));
  CHECK(*object.find("b")->as_string() == "x");
  CHECK(object.find("c") == nullptr);
  CHECK(Value(true).find("a") == nullptr);
}

TEST_CASE("EqualityIgnoresLines") {
  Value a(std::int64_t{1});
  Value b(std::int64_t{1});
  b.set_line(7);
  CHECK(a == b);
  CHECK(b.line() == 7);
  CHECK(a != Value(1.0));
}
