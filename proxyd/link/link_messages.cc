#include "proxyd/link/link_messages.h"

#include <algorithm>
#include <utility>

#include "proxyd/link/link_bytes.h"

namespace proxyd {
namespace {

using ingress::Error;
using ingress::ErrorCode;

constexpr std::string_view kMagic = "proxyd link\n";
constexpr std::size_t kMaxNameBytes = 256;  // of texts that are logged

Error malformed(const char* what) {
  return {.code = ErrorCode::kParse, .what = what, .detail = {}};
}

// For the log: what the other end says is shown, and must not break a line.
std::string printable(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

}  // namespace

std::string to_bytes(const Hello& message) {
  ByteWriter writer;
  writer.text(kMagic);
  writer.number(message.link_version);
  writer.number(message.schema);
  writer.text(std::string_view(message.program).substr(0, kMaxNameBytes));
  writer.number(message.epoch);
  writer.number(message.sequence);
  writer.number(message.num_parts);
  return writer.take();
}

std::expected<Hello, Error> read_hello(std::string_view bytes) {
  ByteReader reader(bytes);
  Hello message;
  if (reader.text(kMagic.size()) != kMagic) return std::unexpected(malformed("no hello of proxyd"));
  message.link_version = reader.number<std::uint32_t>();
  message.schema = reader.number<std::uint32_t>();
  message.program = printable(reader.text(kMaxNameBytes));
  if (!reader.is_good()) return std::unexpected(malformed("a hello that is cut"));
  if (message.link_version != kLinkVersion) return message;  // what follows is not known
  message.epoch = reader.number<std::uint64_t>();
  message.sequence = reader.number<std::uint64_t>();
  message.num_parts = reader.number<std::uint64_t>();
  if (!reader.is_at_end()) return std::unexpected(malformed("a hello of another length"));
  return message;
}

std::string to_bytes(const Refusal& message) {
  return std::string(std::string_view(message.why).substr(0, kMaxNameBytes));
}

std::expected<Refusal, Error> read_refusal(std::string_view bytes) {
  if (bytes.size() > kMaxNameBytes) return std::unexpected(malformed("a refusal that is too long"));
  return Refusal{printable(bytes)};
}

std::string to_bytes(const InventoryRequest& message) {
  ByteWriter writer;
  writer.number(message.key.first);
  writer.number(message.key.second);
  return writer.take();
}

std::expected<InventoryRequest, Error> read_inventory_request(std::string_view bytes) {
  ByteReader reader(bytes);
  InventoryRequest message;
  message.key.first = reader.number<std::uint64_t>();
  message.key.second = reader.number<std::uint64_t>();
  if (!reader.is_at_end()) return std::unexpected(malformed("an inventory request of another length"));
  return message;
}

std::string to_bytes(const Update& message) {
  ByteWriter writer;
  writer.number(message.epoch);
  writer.number(message.sequence);
  writer.number(message.base);
  return writer.take() + message.delta;
}

std::expected<Update, Error> read_update(std::string_view bytes) {
  ByteReader reader(bytes);
  Update message;
  message.epoch = reader.number<std::uint64_t>();
  message.sequence = reader.number<std::uint64_t>();
  message.base = reader.number<std::uint64_t>();
  if (!reader.is_good() || message.sequence == 0) return std::unexpected(malformed("an update that is cut"));
  message.delta = bytes.substr(3 * sizeof(std::uint64_t));
  return message;
}

std::string to_bytes(const Ack& message) {
  ByteWriter writer;
  writer.number(message.sequence);
  return writer.take() + ingress::to_wire(message.problems);
}

std::expected<Ack, Error> read_ack(std::string_view bytes) {
  ByteReader reader(bytes);
  Ack message;
  message.sequence = reader.number<std::uint64_t>();
  if (!reader.is_good()) return std::unexpected(malformed("an acknowledgement that is cut"));
  auto problems = ingress::problems_from_wire(bytes.substr(sizeof message.sequence));
  if (!problems) return std::unexpected(std::move(problems.error()));
  message.problems = std::move(*problems);
  return message;
}

std::string to_bytes(const ControllerReport& message) {
  ByteWriter writer;
  writer.text(ingress::to_wire(message.problems));
  writer.number(message.num_ignored);
  writer.number(message.reloads_ok);
  writer.number(message.reloads_failed);
  writer.text(message.metrics_text);
  return writer.take();
}

std::expected<ControllerReport, Error> read_report(std::string_view bytes) {
  ByteReader reader(bytes);
  ControllerReport message;
  auto problems = ingress::problems_from_wire(reader.text(bytes.size()));
  message.num_ignored = reader.number<std::uint64_t>();
  message.reloads_ok = reader.number<std::uint64_t>();
  message.reloads_failed = reader.number<std::uint64_t>();
  message.metrics_text = reader.text(bytes.size());
  if (!reader.is_at_end()) return std::unexpected(malformed("a report of another length"));
  if (!problems) return std::unexpected(std::move(problems.error()));
  message.problems = std::move(*problems);
  return message;
}

}  // namespace proxyd
