#include "upstream/grpc_health.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace ingress::upstream {
namespace {

using namespace std::string_view_literals;
using namespace std::chrono_literals;

constexpr auto kServing = "\0\0\0\0\2\x08\1"sv;

ResponseHead head_of(std::uint16_t status, std::string_view type, std::string_view grpc_status = "") {
  ResponseHead head;
  head.set_status(status);
  if (!type.empty()) head.headers().add("content-type", type);
  if (!grpc_status.empty()) head.headers().add("grpc-status", grpc_status);
  return head;
}

base::Chain chain_of(std::string_view bytes) {
  static base::BufferPool pool;
  base::Chain chain;
  chain.append_copy(bytes, pool);
  return chain;
}

TEST_CASE("TheCallSaysWhatServersOfGrpcWant") {
  RequestHead head;
  write_health_call(head, "10.0.0.1:50051", 1500ms);
  CHECK(head.method() == "POST");
  CHECK(head.path() == "/grpc.health.v1.Health/Check");
  CHECK(head.authority() == "10.0.0.1:50051");
  CHECK(head.headers().get("content-type") == "application/grpc");
  CHECK(head.headers().get("te") == "trailers");
  CHECK(head.headers().get("grpc-timeout") == "1500m");
}

TEST_CASE("AHeadMaySettleIt") {
  GrpcHealthAnswer answer;
  CHECK(answer.take_head(head_of(503, "application/grpc"))->reason == "status_503");
  CHECK(answer.take_head(head_of(200, "text/html"))->reason == "not_grpc");
  CHECK(answer.take_head(head_of(200, ""))->reason == "not_grpc");
  CHECK_FALSE(answer.take_head(head_of(200, "application/grpc+proto")));
}

TEST_CASE("TheEndSaysWhetherItServes") {
  struct Row {
    std::string_view body;
    const char* head_status;
    const char* trailer_status;
    const char* reason;
  };
  static constexpr Row kRows[] = {
      {kServing, "", "0", "serving"},
      {kServing, "", "", "no_grpc_status"},
      {kServing, "", "14", "grpc_status_14"},  // the status counts, whatever came before
      {kServing, "", "x", "bad_grpc_status"},
      {"\0\0\0\0\2\x08\2"sv, "", "0", "not_serving"},
      {"\0\0\0\0\2\x08\3"sv, "", "0", "unknown_service"},
      {"\0\0\0\0\0"sv, "", "0", "serving_unknown"},
      {"\0\0\0\0\2\x08\7"sv, "", "0", "serving_unknown"},
      {"", "", "0", "bad_health_response"},
      {"\0\0\0\0\2\x08"sv, "", "0", "bad_health_response"},
      {"", "12", "", "health_unimplemented"},
      {"", "5", "", "unknown_service"},
      {"", "0", "", "bad_health_response"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.reason);
    for (std::size_t cut = 0; cut <= row.body.size(); ++cut) {
      GrpcHealthAnswer answer;
      REQUIRE_FALSE(answer.take_head(head_of(200, "application/grpc", row.head_status)));
      REQUIRE_FALSE(answer.take_body(chain_of(row.body.substr(0, cut))));
      REQUIRE_FALSE(answer.take_body(chain_of(row.body.substr(cut))));
      Headers trailers;
      if (*row.trailer_status != '\0') trailers.add("grpc-status", row.trailer_status);
      const auto verdict = answer.end(trailers);
      CHECK(verdict.reason == row.reason);
      CHECK(verdict.is_serving == (verdict.reason == "serving"));
    }
  }
}

TEST_CASE("AnAnswerWithoutEndIsNone") {
  GrpcHealthAnswer answer;
  REQUIRE_FALSE(answer.take_head(head_of(200, "application/grpc")));
  REQUIRE_FALSE(answer.take_body(chain_of(std::string(GrpcHealthAnswer::kMaxBodyBytes, '\0'))));
  CHECK(answer.take_body(chain_of("x"))->reason == "bad_health_response");
}

}  // namespace
}  // namespace ingress::upstream
