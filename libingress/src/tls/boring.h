// BoringSSL's objects with owners. For .cc files of this module only: no header of it shows BoringSSL.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pool.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <string>

namespace ingress::tls {

// Each call into BoringSSL that may fail starts with a clean error queue, which is the thread's; what this
// call left there ends with the scope.
struct ErrorScope {
  ErrorScope() { ERR_clear_error(); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
  ~ErrorScope() { ERR_clear_error(); }
  // The oldest reason in the queue as BoringSSL's static text ("NO_SHARED_CIPHER"); "" when there is none.
  static const char* reason() {
    const std::uint32_t error = ERR_peek_error();
    const char* text = error == 0 ? nullptr : ERR_reason_error_string(error);
    return text == nullptr ? "" : text;
  }
};

}  // namespace ingress::tls
