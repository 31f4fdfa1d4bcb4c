#include "tls/ticket_keys.h"

#include <openssl/aead.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

namespace ingress::tls {
namespace {

constexpr std::size_t kNameBytes = 16;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
static_assert(kNameBytes + kNonceBytes + kTagBytes == TicketKeys::kOverheadBytes);

}  // namespace

// A random nonce for each ticket is safe for 2^32 of them (NIST SP 800-38D 8.3), far more than kLifetime
// sees.
struct TicketKeys::Key {
  explicit Key(std::chrono::steady_clock::time_point made) : made_at(made) {
    std::array<std::uint8_t, 32> secret;
    RAND_bytes(secret.data(), secret.size());
    RAND_bytes(name.data(), name.size());
    context.reset(EVP_AEAD_CTX_new(EVP_aead_aes_256_gcm(), secret.data(), secret.size(), kTagBytes));
    OPENSSL_cleanse(secret.data(), secret.size());
  }
  std::array<std::uint8_t, kNameBytes> name;
  bssl::UniquePtr<EVP_AEAD_CTX> context;
  std::chrono::steady_clock::time_point made_at;
};

TicketKeys::TicketKeys(Clock now) : now_(std::move(now)) {}
TicketKeys::~TicketKeys() = default;

std::shared_ptr<const TicketKeys::Key> TicketKeys::newest() {
  const auto now = now_();
  const auto is_fresh = [&] { return !keys_.empty() && now - keys_.front()->made_at < kLifetime; };
  {
    const std::shared_lock lock(mutex_);
    if (is_fresh()) return keys_.front();
  }
  const std::unique_lock lock(mutex_);
  if (!is_fresh()) {
    keys_.insert(keys_.begin(), std::make_shared<const Key>(now));
    if (keys_.size() > kMaxKeys) keys_.pop_back();
  }
  return keys_.front();
}

std::shared_ptr<const TicketKeys::Key> TicketKeys::find(std::span<const std::uint8_t> name) const {
  const auto oldest = now_() - kLifetime * static_cast<int>(kMaxKeys);
  const std::shared_lock lock(mutex_);
  for (const auto& key : keys_) {
    if (std::ranges::equal(key->name, name)) return key->made_at > oldest ? key : nullptr;
  }
  return nullptr;
}

// What is sealed comes first, so that it may be sealed and opened in place: its tag, the nonce, the key's
// name.
std::optional<std::size_t> TicketKeys::seal(std::span<const std::uint8_t> session,
                                            std::span<std::uint8_t> out) {
  if (out.size() < session.size() + kOverheadBytes) return std::nullopt;
  const std::shared_ptr<const Key> key = newest();
  std::array<std::uint8_t, kNonceBytes> nonce;
  RAND_bytes(nonce.data(), nonce.size());
  std::size_t size = 0;
  if (!key->context || !EVP_AEAD_CTX_seal(key->context.get(), out.data(), &size, out.size(), nonce.data(),
                                          nonce.size(), session.data(), session.size(), nullptr, 0))
    return std::nullopt;
  std::ranges::copy(nonce, out.begin() + static_cast<std::ptrdiff_t>(size));
  std::ranges::copy(key->name, out.begin() + static_cast<std::ptrdiff_t>(size + kNonceBytes));
  return size + kNonceBytes + kNameBytes;
}

std::optional<std::size_t> TicketKeys::open(std::span<const std::uint8_t> ticket,
                                            std::span<std::uint8_t> out) const {
  if (ticket.size() < kOverheadBytes) return std::nullopt;
  const std::shared_ptr<const Key> key = find(ticket.last(kNameBytes));
  if (!key || !key->context) return std::nullopt;
  const auto sealed = ticket.first(ticket.size() - kNameBytes - kNonceBytes);
  const auto nonce = ticket.subspan(sealed.size(), kNonceBytes);
  std::size_t size = 0;
  if (!EVP_AEAD_CTX_open(key->context.get(), out.data(), &size, out.size(), nonce.data(), nonce.size(),
                         sealed.data(), sealed.size(), nullptr, 0))
    return std::nullopt;
  return size;
}

}  // namespace ingress::tls
