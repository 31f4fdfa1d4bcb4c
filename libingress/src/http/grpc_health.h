// The two messages of grpc.health.v1 (github.com/grpc/grpc-proto, grpc/health/v1/health.proto), with the
// prefix that messages of gRPC have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ingress::http {

// HealthCheckResponse.ServingStatus; others may come.
enum class ServingStatus : std::uint32_t { kUnknown = 0, kServing = 1, kNotServing = 2, kServiceUnknown = 3 };

// HealthCheckRequest as the body of a call.
std::string make_health_request(std::string_view service);
// Of the body of an answer; nullopt when it is not one HealthCheckResponse, uncompressed. Fields that are not
// known are passed over, of `status` the last counts.
std::optional<ServingStatus> read_health_response(std::string_view body);

}  // namespace ingress::http
