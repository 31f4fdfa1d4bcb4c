#include "http/grpc_health.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace ingress::http {
namespace {

using namespace std::string_view_literals;

TEST_CASE("AsksForAService") {
  CHECK(make_health_request("") == "\0\0\0\0\0"sv);
  CHECK(make_health_request("a.B") == "\0\0\0\0\5\x0a\3a.B"sv);
  const std::string name(200, 'n');  // a length of two bytes
  CHECK(make_health_request(name) == std::string("\0\0\0\0\xcb\x0a\xc8\1"sv) + name);
}

TEST_CASE("ReadsWhatTheServerSaysOfIt") {
  struct Row {
    std::string_view body;
    std::optional<ServingStatus> status;
  };
  static constexpr Row kRows[] = {
      {"\0\0\0\0\2\x08\1"sv, ServingStatus::kServing},
      {"\0\0\0\0\2\x08\2"sv, ServingStatus::kNotServing},
      {"\0\0\0\0\2\x08\3"sv, ServingStatus::kServiceUnknown},
      {"\0\0\0\0\0"sv, ServingStatus::kUnknown},
      {"\0\0\0\0\4\x08\2\x08\1"sv, ServingStatus::kServing},  // the last counts
      {"\0\0\0\0\3\x08\x81\0"sv, ServingStatus::kServing},    // longer than it need be
      // Of later versions: varint, 64 bits, bytes, 32 bits.
      {"\0\0\0\0\5\x10\x85\1\x08\1"sv, ServingStatus::kServing},
      {"\0\0\0\0\x0b\x11\1\2\3\4\5\6\7\x08\x08\1"sv, ServingStatus::kServing},
      {"\0\0\0\0\6\x12\2ab\x08\1"sv, ServingStatus::kServing},
      {"\0\0\0\0\7\x15\1\2\3\4\x08\1"sv, ServingStatus::kServing},
      {"\1\0\0\0\2\x08\1"sv, std::nullopt},    // compressed
      {"\0\0\0\0\2\x08\1\0"sv, std::nullopt},  // more behind it
      {"\0\0\0\0\1\x08"sv, std::nullopt},      // no value
      {"\0\0\0\0\2\x08\x80"sv, std::nullopt},  // cut
      {"\0\0\0\0\2\x12\x05"sv, std::nullopt},  // bytes that are not there
      {"\0\0\0\0\2\x13\x05"sv, std::nullopt},  // a group
      {"\0\0\0\0\2\x00\1"sv, std::nullopt},    // field 0
      {"\0\0\0\0\x0c\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"sv, std::nullopt},  // eleven bytes
  };
  for (const Row& row : kRows) {
    CAPTURE(&row - kRows);
    CHECK(read_health_response(row.body) == row.status);
    for (std::size_t size = 0; row.status && size < row.body.size(); ++size) {
      CAPTURE(size);
      CHECK_FALSE(read_health_response(row.body.substr(0, size)));
    }
  }
}

}  // namespace
}  // namespace ingress::http
