// Answers about certificates (OCSP) of any bytes, as they come from whoever a Secret's certificate names.
//
// Asserted: what is read lies inside of the input, and neither a part of an answer nor one with something
// behind it is one; what is believed was signed by the keys that made the seeds, which nobody has any more,
// names its end, and is the same without the time in between; nothing is left in BoringSSL's error queue.
#include <openssl/err.h>
#include <openssl/sha2.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/ocsp.h"
#include "support/require.h"
#include "tls/base64.h"
#include "tls/ocsp_response.h"

using namespace ingress;
using namespace ingress::fuzzing;

namespace {

// In the life of the seeds.
constexpr std::chrono::system_clock::time_point kNow{std::chrono::seconds(1'800'000'000)};

constexpr const char* kChain =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBYzCCAQmgAwIBAgICEAEwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBQTAeFw0y\n"
    "NjExMjYxNzIyMTRaFw0zNjExMjMxNzIyMTRaMA8xDTALBgNVBAMMBGxlYWYwWTAT\n"
    "BgcqhkjOPQIBBggqhkjOPQMBBwNCAAQy5wZ3/s4OXTDEMipusGs6rhHgx3Zvx12M\n"
    "BwFD9yzZDqj4WxjVyuTTDyPYjiTNDSLlBjimDYORsPA2wV04VZ3Xo1gwVjAUBgNV\n"
    "HREEDTALgglhLmV4YW1wbGUwHQYDVR0OBBYEFK02bmkf7WxXIryMO72jXkpw90mL\n"
    "MB8GA1UdIwQYMBaAFNQdDfHwhTTsEs75d1Dz8sdgQM8lMAoGCCqGSM49BAMCA0gA\n"
    "MEUCIQCXSDpt0yYUl3MVoJOd4GCeCu/XX/vSA7Pw8iV4rIOWnAIgJegNQtqH8tNP\n"
    "kvC42+A76/1jJmNbZk9zuSVaMqSWmCM=\n"
    "-----END CERTIFICATE-----\n"
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBezCCASCgAwIBAgIUShVrLgnIZL3q2UQL4pDZbh+rpucwCgYIKoZIzj0EAwIw\n"
    "DDEKMAgGA1UEAwwBQTAeFw0yNjExMjYxNzIyMTRaFw0zNjExMjMxNzIyMTRaMAwx\n"
    "CjAIBgNVBAMMAUEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARfSOopXVqfri6W\n"
    "UmnIW/rVSMF7QWrmlNS10FMRZh9BJI2OAmaDoGJJCkMKobuo8mI26z5pSWa8YcxP\n"
    "ObY3ZtzOo2AwXjAdBgNVHQ4EFgQU1B0N8fCFNOwSzvl3UPPyx2BAzyUwHwYDVR0j\n"
    "BBgwFoAU1B0N8fCFNOwSzvl3UPPyx2BAzyUwDwYDVR0TAQH/BAUwAwEB/zALBgNV\n"
    "HQ8EBAMCAoQwCgYIKoZIzj0EAwIDSQAwRgIhAKpBnTFk6OPOThqKT/fnJY5Qhu9P\n"
    "1zNqLgyLnGA/IePHAiEAwdlGvtzXVM4ouvGssY20J+nuhmaBQus+hVtOCC/BIDo=\n"
    "-----END CERTIFICATE-----\n";

// SHA-256 of what those keys have signed and is good.
constexpr std::array<std::string_view, 7> kSigned{
    "26fb74de6305ed2f26956704f7ea45f8e26176b8d28dcf5a962dcd0c51d9adb1",  // issuer
    "9a7b84df2841208e9d1e54f67fe9cb9a6e58cfee952d674ec68728fc71cffc9d",  // issuer_by_key
    "724b97d89902cdd6e344ab74443c3bf6d88e52372450d1de19670f15a73d5fbd",  // charged
    "ce5c94b42058c68ef4b64ba59c72e6a89af6bb89150a91f6e0442bb7f818bd02",  // charged_rsa_by_key
    "4e8b6d9eba459d50125d532d2dee0f62476d932809e1221c47b2178bfe29034e",  // two_certificates
    "e209c0578bad23595d616c07f82c82990fc47e16221bf87513025e8fa6125121",  // sha256_names
    "66d42b508675297426605e3db8b5f16256e2dd6557ebc461b014336705d35f40",  // nonce
};

std::string digest_of(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(bytes.data(), bytes.size(), digest.data());
  std::string out;
  for (const std::uint8_t byte : digest) {
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

void require_inside(std::span<const std::uint8_t> part, std::span<const std::uint8_t> whole) {
  require(part.empty() ||
              (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()),
          "lies inside of the input");
}

void check_parsed(const tls::OcspResponse& parsed, std::span<const std::uint8_t> input) {
  for (const tls::OcspBytes part : {parsed.signed_data, parsed.responder_name, parsed.responder_key_hash,
                                    parsed.signature_oid, parsed.signature})
    require_inside(part, input);
  require(parsed.responder_name.empty() != parsed.responder_key_hash.empty(), "one name of the responder");
  require(!parsed.singles.empty() && parsed.singles.size() <= tls::kMaxOcspSingles, "bounded answers");
  require(parsed.certificates.size() <= tls::kMaxOcspCertificates, "bounded certificates");
  for (const tls::OcspBytes part : parsed.certificates) require_inside(part, input);
  for (const tls::SingleOcspResponse& single : parsed.singles)
    for (const tls::OcspBytes part : {single.name_hash, single.key_hash, single.serial})
      require_inside(part, input);
  // Every part of a long one would take too long.
  const std::size_t step = input.size() / 64 + 1;
  for (std::size_t size = 0; size < input.size(); size += step)
    require(!tls::parse_ocsp_response(input.first(size)), "a part is no answer");
  std::vector<std::uint8_t> longer(input.begin(), input.end());
  longer.push_back(0);
  require(!tls::parse_ocsp_response(longer), "nothing stands behind it");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  const std::span<const std::uint8_t> input(data, size_bytes);
  const Certificate certificate{.name = "a", .chain = kChain};
  const auto parsed = tls::parse_ocsp_response(input);
  if (parsed) check_parsed(*parsed, input);
  const std::string_view text(reinterpret_cast<const char*>(data), size_bytes);
  const auto answer = check_ocsp_response(certificate, text, kNow);
  require(ERR_peek_error() == 0, "nothing is left in the error queue");
  if (!answer) {
    require(*answer.error().what != 0, "says why");
    return 0;
  }
  require(parsed.has_value(), "what is believed can be read");
  require(std::ranges::find(kSigned, digest_of(parsed->signed_data)) != kSigned.end(),
          "what is believed was signed");
  require(answer->this_update <= kNow && kNow < answer->next_update, "is valid");
  const auto at_end = check_ocsp_response(certificate, text, answer->next_update);
  // Times further away are cut to a year.
  require(!at_end || answer->next_update - kNow >= std::chrono::hours(24 * 366), "ends when it says");
  const auto before = check_ocsp_response(certificate, text, answer->next_update - std::chrono::seconds(1));
  require(before.has_value() && before->text == answer->text, "holds until then");
  const auto der = tls::decode_base64(answer->text);
  require(der.has_value() && std::ranges::equal(*der, input), "comes back from its text");
  return 0;
}
