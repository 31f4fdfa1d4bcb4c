#include "http/grpc.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace ingress::http {
namespace {

using namespace std::chrono_literals;

TEST_CASE("KnowsCallsByTheirContentType") {
  struct Row {
    const char* type;
    GrpcKind kind;
  };
  static constexpr Row kRows[] = {
      {"application/grpc", GrpcKind::kGrpc},
      {"application/grpc+proto", GrpcKind::kGrpc},
      {"Application/gRPC+JSON", GrpcKind::kGrpc},
      {"application/grpc;charset=utf-8", GrpcKind::kGrpc},
      {"application/grpc ; a=b", GrpcKind::kGrpc},
      {"application/grpc-web", GrpcKind::kWeb},
      {"application/grpc-web+proto", GrpcKind::kWeb},
      {"APPLICATION/GRPC-WEB; a=b", GrpcKind::kWeb},
      {"application/grpc-web-text", GrpcKind::kWebText},
      {"application/grpc-web-text+proto", GrpcKind::kWebText},
      {"application/grpc-web-textual", GrpcKind::kNone},
      {"application/grpc-webs", GrpcKind::kNone},
      {"application/grpcs", GrpcKind::kNone},
      {"application/grp", GrpcKind::kNone},
      {"text/plain", GrpcKind::kNone},
      {"", GrpcKind::kNone},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.type);
    CHECK(grpc_kind(row.type) == row.kind);
  }
}

TEST_CASE("MapsStatusesAsGrpcDoes") {
  struct Row {
    std::uint16_t http;
    int grpc;
  };
  static constexpr Row kRows[] = {{400, 13}, {401, 16}, {403, 7}, {404, 12}, {429, 14}, {502, 14},
                                  {503, 14}, {504, 14}, {200, 2}, {308, 2},  {408, 2},  {413, 2},
                                  {421, 2},  {431, 2},  {499, 2}, {500, 2},  {501, 2},  {599, 2}};
  for (const Row& row : kRows) {
    CAPTURE(row.http);
    CHECK(static_cast<int>(to_grpc_status(row.http)) == row.grpc);
  }
}

TEST_CASE("EncodesMessagesForAField") {
  CHECK(encode_grpc_message("Bad Gateway") == "Bad Gateway");
  CHECK(encode_grpc_message("100%\r\n\x7f\xc3\xa4~") == "100%25%0D%0A%7F%C3%A4~");
  CHECK(encode_grpc_message("").empty());
}

TEST_CASE("ReadsTimeouts") {
  struct Row {
    const char* text;
    std::optional<std::chrono::milliseconds> time;
  };
  static const Row kRows[] = {
      {"1H", 1h},
      {"2M", 2min},
      {"3S", 3s},
      {"00000010m", 10ms},
      {"99999999m", 99'999'999ms},
      {"1u", 1ms},  // rounded up: never before the client
      {"1000u", 1ms},
      {"1001u", 2ms},
      {"1n", 1ms},
      {"0n", 0ms},
      {"0S", 0ms},
      {"99999999H", kMaxGrpcTimeout},
      {"", std::nullopt},
      {"1", std::nullopt},
      {"S", std::nullopt},
      {"100000000m", std::nullopt},
      {"-1S", std::nullopt},
      {"+1S", std::nullopt},
      {" 1S", std::nullopt},
      {"1 S", std::nullopt},
      {"1s", std::nullopt},
      {"1h", std::nullopt},
      {"1.5S", std::nullopt},
      {"1S,2S", std::nullopt},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(parse_grpc_timeout(row.text) == row.time);
  }
}

TEST_CASE("WritesTimeoutsThatItReads") {
  for (const std::chrono::milliseconds time : {0ms, 1ms, 99'999'999ms}) {
    CHECK(parse_grpc_timeout(write_grpc_timeout(time)) == time);
  }
  CHECK(write_grpc_timeout(-5ms) == "0m");
  CHECK(write_grpc_timeout(100'000'999ms) == "100000S");
  CHECK(write_grpc_timeout(kMaxGrpcTimeout) == "31536000S");
}

}  // namespace
}  // namespace ingress::http
