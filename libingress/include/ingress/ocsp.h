// The status of certificates (OCSP, RFC 6960): what to ask a responder, whether its answer is to be believed,
// and a client that asks. A good answer goes into Certificate::ocsp_response; listeners send it to clients.
//
// Certificates and answers are hostile input: chains come from whoever writes Secrets, and name the address
// that is asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ingress/certificate.h"
#include "ingress/error.h"
#include "ingress/export.h"
#include "ingress/loop.h"

namespace ingress {

struct OcspQuestion {
  std::string url;  // of the responder: the first http URL that the certificate has for it (RFC 5280 4.2.2.1)
  std::string request;  // OCSPRequest in DER, as RFC 5019 2.1 has it: one certificate, SHA-1 names, no nonce
  friend bool operator==(const OcspQuestion&, const OcspQuestion&) = default;
};
// What to ask about the first certificate of `certificate.chain`. Fails with kNotFound when that names no
// responder to be reached by http, with kInvalidArgument when the chain cannot be read or has no issuer in
// second place. Thread: any.
INGRESS_EXPORT std::expected<OcspQuestion, Error> make_ocsp_question(const Certificate& certificate);

struct OcspAnswer {
  std::chrono::system_clock::time_point this_update,
      next_update;   // known to be right then; not to be used after
  std::string text;  // for Certificate::ocsp_response
  friend bool operator==(const OcspAnswer&, const OcspAnswer&) = default;
};
inline constexpr std::size_t kMaxOcspResponseBytes = 65'536;
// Reads `response`, an OCSPResponse in DER, and believes it when it is good: signed by the issuer or by whom
// that has charged with it (RFC 6960 4.2.2.2), about this very certificate, valid at `now`, and its status
// "good". The Error says which of these it is not: kParse for what cannot be read, kNotFound for an answer
// that is to be believed and says that the certificate is revoked, or not known; else kBadResponse, or
// kInvalidArgument where the chain is at fault. Thread: any.
INGRESS_EXPORT std::expected<OcspAnswer, Error> check_ocsp_response(
    const Certificate& certificate, std::string_view response,
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

// Which responders may be asked: those at addresses of the public internet, or any.
enum class ResponderAddresses : std::uint8_t { kPublic, kAny };

// Asks responders, over connections of its own, one for each question.
// Owner: the application. Thread: the loop's, of which it is destroyed before the loop.
// Always true: an address is looked at after it was resolved, and just that one is connected to; no redirect
// is followed; a question takes 10 s and an answer kMaxOcspResponseBytes at most.
class INGRESS_EXPORT OcspClient {
 public:
  // One question under way; destroying it gives the question up.
  class INGRESS_EXPORT Fetch {
   public:
    virtual ~Fetch();
  };
  // The body of the responder's answer, for check_ocsp_response(), or why there is none.
  using OnResponse = std::move_only_function<void(std::expected<std::string, Error>)>;

  // Fails with kIo.
  static std::expected<OcspClient, Error> create(Loop& loop, ResponderAddresses allowed);
  OcspClient(OcspClient&&) noexcept;
  OcspClient& operator=(OcspClient&&) noexcept;
  ~OcspClient();

  // Calls back once, from the loop, never from inside this call; the callee may destroy the Fetch, and has to
  // before it destroys the OcspClient. Errors: kInvalidArgument for a URL that may not be asked (port 80 and
  // those from 1024 on may), kResolveFailed, kAddressRefused, kConnectFailed, kTimeout, kTooLarge,
  // kBadResponse and kUpstreamReset.
  [[nodiscard]] std::unique_ptr<Fetch> ask(const OcspQuestion& question, OnResponse on_response);

 private:
  struct Impl;
  explicit OcspClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingress
