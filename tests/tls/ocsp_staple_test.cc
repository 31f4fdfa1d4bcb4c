// Which clients get the answer of a certificate's issuer, and which certificates have one to give.
#include <doctest/doctest.h>

#include <string>

#include "ingress/ocsp.h"
#include "tls/ocsp_responder.h"
#include "tls/tls_fixture.h"

namespace ingress::tls {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;
using test::OcspResponder;

Certificate stapled(OcspResponder& openssl, const std::string& name = "leaf") {
  Certificate certificate = openssl.certificate(name);
  Certificate asked = openssl.certificate("leaf");
  const std::string response = openssl.answer(make_ocsp_question(asked).value().request);
  certificate.ocsp_response = check_ocsp_response(asked, response).value().text;
  return certificate;
}

// What the client gets; "refused" without a handshake.
std::string received(Server& server, bool asks, std::uint16_t version = TLS1_3_VERSION) {
  Connection connection(server, {.max_version = version, .prepare = [asks](SSL* ssl) {
                                   if (asks) SSL_enable_ocsp_stapling(ssl);
                                 }});
  if (!connection.client.shake_hands()) return "refused";
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  SSL_get0_ocsp_response(connection.client.ssl(), &bytes, &size);
  return {reinterpret_cast<const char*>(bytes), size};
}

TEST_CASE("ClientsThatAskGetTheAnswer") {
  OcspResponder& openssl = OcspResponder::shared();
  const Certificate certificate = stapled(openssl);
  Server server({}, {certificate});
  const std::string response = openssl.read("response");
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    CHECK(received(server, true, version) == response);
    CHECK(received(server, false, version).empty());
  }
  server.replace(openssl.certificate("leaf"));
  CHECK(received(server, true).empty());
  // A new answer for the same chain is one for the next handshake.
  server.replace(certificate);
  CHECK(received(server, true) == response);
}

TEST_CASE("AnAnswerThatHasExpiredSinceIsNotShown") {
  OcspResponder& openssl = OcspResponder::shared();
  const auto loaded = ServedCertificate::load(stapled(openssl), system_clock::now());
  CHECK(loaded.problems.empty());
  REQUIRE(loaded.certificate);
  const ServedCertificate& certificate = *loaded.certificate;
  CHECK(certificate.has_ocsp_response());
  CHECK(certificate.credential_at(system_clock::now()) != certificate.credential());
  CHECK(certificate.credential_at(system_clock::now() + 47h) != certificate.credential());
  CHECK(certificate.credential_at(system_clock::now() + 49h) == certificate.credential());
}

TEST_CASE("ABadAnswerIsAWarningAndTheCertificateIsServedWithoutIt") {
  OcspResponder& openssl = OcspResponder::shared();
  const Certificate good = stapled(openssl);
  const std::string text = good.ocsp_response;
  struct Row {
    std::string response;
    system_clock::duration later;
    const char* why;
  };
  for (const Row& row : {Row{"***", 0h, "not base64"}, Row{"MAMKAQM=", 0h, "try_later"},
                         Row{text.substr(0, 400), 0h, "no OCSP response"}, Row{text, 49h, "expired"}}) {
    CAPTURE(row.why);
    Certificate certificate = good;
    certificate.ocsp_response = row.response;
    for (const bool is_held : {false, true}) {
      const auto held = ServedCertificate::load(good, system_clock::now());
      const auto loaded = ServedCertificate::load(certificate, system_clock::now() + row.later,
                                                  is_held ? held.certificate.get() : nullptr);
      REQUIRE(loaded.certificate);
      CHECK_FALSE(loaded.certificate->has_ocsp_response());
      REQUIRE(loaded.problems.size() == 1);
      CHECK(loaded.problems[0].severity == Severity::kWarning);
      CHECK(loaded.problems[0].field == "ocsp_response");
      CHECK(loaded.problems[0].why.find(row.why) != std::string::npos);
    }
  }
  Server server({}, {good});
  Certificate bad = good;
  bad.ocsp_response = "***";
  server.replace(bad);
  CHECK(received(server, true).empty());
}

TEST_CASE("AnAnswerStaysWithTheChainItIsAbout") {
  OcspResponder& openssl = OcspResponder::shared();
  const Certificate good = stapled(openssl);
  const auto held = ServedCertificate::load(good, system_clock::now());
  Certificate other = openssl.certificate("revoked");
  other.name = good.name;
  other.ocsp_response = good.ocsp_response;
  const auto loaded = ServedCertificate::load(other, system_clock::now(), held.certificate.get());
  REQUIRE(loaded.certificate);
  CHECK_FALSE(loaded.certificate->has_ocsp_response());
  // And is verified once.
  const auto again = ServedCertificate::load(good, system_clock::now(), held.certificate.get());
  CHECK(again.certificate->credential_at(system_clock::now()) ==
        held.certificate->credential_at(system_clock::now()));
}

TEST_CASE("ACertificateThatAsksForAnAnswerIsToldOfWithoutOne") {
  OcspResponder& openssl = OcspResponder::shared();
  const auto fields = [](const Certificate& certificate) {
    std::string text;
    for (const Problem& problem : check_certificate(certificate)) {
      CHECK(problem.severity == Severity::kWarning);
      text += problem.field + ": " + problem.why + '\n';
    }
    return text;
  };
  CHECK(fields(openssl.certificate("must")).starts_with("ocsp_response: the certificate asks its servers"));
  CHECK(fields(stapled(openssl, "must")).empty());
  CHECK(fields(openssl.certificate("leaf")).empty());
}

}  // namespace
}  // namespace ingress::tls
