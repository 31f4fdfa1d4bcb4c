// Certificate chains and private keys of any bytes, as they come from Secrets and files. The first byte
// chooses the form: PEM, divided from the key's by the first NUL, or DER (two bytes of length, a certificate,
// the key), which is wrapped into PEM here, so that the bytes behind it are reached without spelling base64.
//
// Asserted: a certificate is served exactly when no problem is an error, and has all that handshakes ask of
// it; problems are bounded and printable, show nothing of the key, and are the same for the same contents,
// parsed anew or not; blocks of PEM come back as they were written; nothing is left in BoringSSL's error
// queue.
#include <openssl/err.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/require.h"
#include "tls/pem.h"
#include "tls/served_certificate.h"

using namespace ingress;
using namespace ingress::fuzzing;

namespace {

// In the life of the seeds.
constexpr std::chrono::system_clock::time_point kNow{std::chrono::seconds(1'800'000'000)};
constexpr std::size_t kMaxProblems = 64;

std::string to_pem(std::string_view label, std::span<const std::uint8_t> der) {
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t i = 0; i < der.size(); i += 3) {
    const auto byte = [&](std::size_t index) { return index < der.size() ? unsigned{der[index]} : 0U; };
    const unsigned bits = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    for (unsigned letter = 0; letter < 4; ++letter)
      out += i + letter > der.size() ? '=' : kLetters[bits >> (18U - 6 * letter) & 63U];
    if (i % 48 == 45) out += '\n';
  }
  if (!out.ends_with('\n')) out += '\n';
  return out + "-----END " + std::string(label) + "-----\n";
}

void check_pem(std::string_view text) {
  const auto blocks = tls::read_pem(text);
  if (!blocks) return require(!blocks.error().empty(), "says what is wrong");
  require(blocks->size() <= tls::kMaxPemBlocks, "bounded");
  std::string again;
  for (const tls::PemBlock& block : *blocks) again += to_pem(block.label, block.der);
  const auto reread = tls::read_pem(again);
  require(reread.has_value() && *reread == *blocks, "blocks come back as they were written");
}

void check_problems(const std::vector<Problem>& problems, const std::string& key) {
  require(problems.size() <= kMaxProblems, "bounded");
  for (const Problem& problem : problems) {
    for (const std::string* text : {&problem.field, &problem.why, &problem.fix}) {
      require(text->size() < 4096, "short");
      require(std::ranges::all_of(*text, [](char c) { return c >= 0x20 && c < 0x7f; }), "printable");
    }
    // Words that any key may hold as well are shorter.
    constexpr std::size_t kWindow = 24;
    for (std::size_t i = 0; i + kWindow <= problem.why.size(); ++i) {
      const std::string_view part = std::string_view(problem.why).substr(i, kWindow);
      require(part.find(' ') != part.npos || key.find(part) == key.npos, "nothing of the key");
    }
  }
}

std::string to_text(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) out += problem.field + ": " + problem.why + "\n";
  return out;
}

void check_loading(const Certificate& certificate) {
  const auto loaded = tls::ServedCertificate::load(certificate, kNow);
  require(ERR_peek_error() == 0, "nothing is left in the error queue");
  check_problems(loaded.problems, certificate.key.text);
  const bool has_error = std::ranges::any_of(
      loaded.problems, [](const Problem& problem) { return problem.severity == Severity::kError; });
  require(static_cast<bool>(loaded.certificate) != has_error, "served without errors only");
  const auto again = tls::ServedCertificate::load(certificate, kNow, loaded.certificate.get());
  require_equal(to_text(again.problems), to_text(loaded.problems), "same problems for the same contents");
  if (has_error) return;
  require(loaded.certificate->credential() != nullptr && loaded.certificate->fingerprint().size() == 32,
          "has what handshakes ask for");
  require(loaded.certificate->names() == again.certificate->names(), "is parsed once");
  for (const std::string& name : certificate.server_names) {
    const bool is_covered = loaded.certificate->names()->cover(name);
    const bool is_told =
        to_text(loaded.problems).find("does not cover \"" + name + "\"") != std::string::npos;
    require(is_covered != is_told, "names that it does not cover are told");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 3) return 0;
  const std::span<const std::uint8_t> input(data + 1, size_bytes - 1);
  Certificate certificate{.name = "a", .server_names = {"a.example", "*.wild.example"}};
  if (data[0] % 2 == 0) {
    const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
    const std::size_t nul = text.find('\0');
    certificate.chain = text.substr(0, nul);
    certificate.key.text = nul == text.npos ? certificate.chain : text.substr(nul + 1);
    check_pem(certificate.chain);
    check_pem(certificate.key.text);
  } else {
    const std::size_t length = std::min<std::size_t>(input[0] << 8U | input[1], input.size() - 2);
    certificate.chain = to_pem("CERTIFICATE", input.subspan(2, length));
    certificate.key.text = to_pem("PRIVATE KEY", input.subspan(2 + length));
    check_pem(certificate.chain);
  }
  check_loading(certificate);
  return 0;
}
