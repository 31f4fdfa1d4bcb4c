#include "tls/x509.h"

#include <ctime>

namespace ingress::tls {

bssl::UniquePtr<X509> parse_x509(std::span<const std::uint8_t> der) {
  const std::uint8_t* at = der.data();
  bssl::UniquePtr<X509> parsed(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return at == der.data() + der.size() ? std::move(parsed) : nullptr;
}

std::string time_text(std::int64_t unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm parts = {};
  char text[32] = "";
  if (gmtime_r(&seconds, &parts) != nullptr) std::strftime(text, sizeof text, "%FT%TZ", &parts);
  return text;
}

std::optional<std::int64_t> unix_time(const ASN1_TIME* time) {
  std::int64_t seconds = 0;
  if (time == nullptr || !ASN1_TIME_to_posix(time, &seconds)) return std::nullopt;
  return seconds;
}

std::string name_text(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0 ||
      !BIO_mem_contents(out.get(), &bytes, &size))
    return {};
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace ingress::tls
