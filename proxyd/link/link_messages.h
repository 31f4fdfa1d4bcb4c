// What the two ends of the link say to each other: messages as values, and their bytes. No I/O.
//
// All bytes come from the other end: sizes are bounded, nothing is allocated for a count that the bytes left
// cannot hold, and whatever is not exactly one message is an Error.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/config.h"
#include "ingress/error.h"
#include "ingress/wire.h"

namespace proxyd {

inline constexpr std::uint32_t kLinkVersion = 1;

// For tests to be shorter.
struct LinkTimes {
  std::chrono::milliseconds beat{1'000};  // a ping when nothing else was sent
  unsigned max_silent_beats = 8;          // the other end is gone after as many without a byte of it
  std::chrono::milliseconds connect{5'000};
  std::chrono::milliseconds first_wait{100};  // before connecting again; doubles, with jitter
  std::chrono::milliseconds max_wait{3'000};
  std::chrono::milliseconds retry{3'000};  // between tries to publish what the server refused
};

// The first message of each end.
struct Hello {
  std::uint32_t link_version = kLinkVersion;
  std::uint32_t schema = ingress::wire_schema();
  std::string program;      // "0.1.0"
  std::uint64_t epoch = 0;  // the controller's, drawn at its start; of a data plane that whose words it has
  std::uint64_t sequence = 0;  // of a data plane: what it has of that epoch
  std::uint64_t num_parts = 0;
  friend bool operator==(const Hello&, const Hello&) = default;
};

// Why the sender ends the link.
struct Refusal {
  std::string why;
  friend bool operator==(const Refusal&, const Refusal&) = default;
};

// To a data plane: say what you have, by digests under this key.
struct InventoryRequest {
  ingress::WireKey key;
  friend bool operator==(const InventoryRequest&, const InventoryRequest&) = default;
};

// To a data plane: what changes. `base` is what it applies to; 0: to whatever there is.
struct Update {
  std::uint64_t epoch = 0, sequence = 0, base = 0;
  std::string delta;  // ConfigDelta in wire form
  friend bool operator==(const Update&, const Update&) = default;
};

// To the controller: what became of an update.
struct Ack {
  std::uint64_t sequence = 0;
  std::vector<ingress::Problem> problems = {};  // empty: every worker has adopted it
  friend bool operator==(const Ack&, const Ack&) = default;
};

// What data planes show for the controller.
struct ControllerReport {
  std::vector<ingress::Problem> problems = {};
  std::uint64_t num_ignored = 0;  // Ingresses of other classes
  std::uint64_t reloads_ok = 0, reloads_failed = 0;
  std::string metrics_text = {};  // Prometheus text
  friend bool operator==(const ControllerReport&, const ControllerReport&) = default;
};

std::string to_bytes(const Hello& message);
std::string to_bytes(const Refusal& message);
std::string to_bytes(const InventoryRequest& message);
std::string to_bytes(const Update& message);
std::string to_bytes(const Ack& message);
std::string to_bytes(const ControllerReport& message);

// kParse; of a Hello of another version, all that matters is still read.
std::expected<Hello, ingress::Error> read_hello(std::string_view bytes);
std::expected<Refusal, ingress::Error> read_refusal(std::string_view bytes);
std::expected<InventoryRequest, ingress::Error> read_inventory_request(std::string_view bytes);
std::expected<Update, ingress::Error> read_update(std::string_view bytes);
std::expected<Ack, ingress::Error> read_ack(std::string_view bytes);
std::expected<ControllerReport, ingress::Error> read_report(std::string_view bytes);

}  // namespace proxyd
