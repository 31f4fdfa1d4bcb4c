// Questions that openssl answers, and which answers are believed: by status, signer, time, subject and form.
#include "ingress/ocsp.h"

#include <doctest/doctest.h>
#include <openssl/err.h>

#include <string>

#include "tls/base64.h"
#include "tls/ocsp_responder.h"

namespace ingress {
namespace {

using namespace std::chrono_literals;
using std::chrono::system_clock;
using test::OcspResponder;

std::string why(const std::expected<OcspAnswer, Error>& answer) {
  CHECK(ERR_peek_error() == 0);
  if (answer) return "good";
  CHECK(answer.error().side ==
        (answer.error().code == ErrorCode::kInvalidArgument ? ErrorSide::kSelf : ErrorSide::kUpstream));
  return answer.error().what;
}

struct World {
  OcspResponder& openssl = OcspResponder::shared();
  Certificate leaf = openssl.certificate("leaf");
  std::string request = make_ocsp_question(leaf).value().request;
  std::string why_not(const std::string& response, system_clock::duration later = {}) const {
    return why(check_ocsp_response(leaf, response, system_clock::now() + later));
  }
};

TEST_CASE("TheQuestionIsWhatOpensslAsks") {
  World world;
  const OcspQuestion question = make_ocsp_question(world.leaf).value();
  CHECK(question.url == "http://OCSP.example:8080/status?a");
  world.openssl.run("openssl ocsp -issuer ca.pem -cert leaf.pem -no_nonce -reqout theirs");
  CHECK(question.request == world.openssl.read("theirs"));
}

TEST_CASE("WithoutIssuerOrHttpUrlThereIsNoQuestion") {
  World world;
  world.openssl.issue("https", "ca", "https", 0x2001);
  const auto refusal = [](const Certificate& certificate) {
    return make_ocsp_question(certificate).error().code;
  };
  CHECK(refusal(world.openssl.certificate("must")) == ErrorCode::kNotFound);
  CHECK(refusal(world.openssl.certificate("https")) == ErrorCode::kNotFound);
  CHECK(refusal(world.openssl.certificate("leaf", "")) == ErrorCode::kInvalidArgument);
  CHECK(refusal(world.openssl.certificate("leaf", "evil")) == ErrorCode::kInvalidArgument);
  CHECK(refusal(world.openssl.certificate("leaf", "leaf")) == ErrorCode::kInvalidArgument);
  CHECK(refusal(world.openssl.certificate("must", "")) == ErrorCode::kNotFound);
  CHECK(refusal({.name = "a", .chain = "-----BEGIN CERTIFICATE-----\n"}) == ErrorCode::kInvalidArgument);
}

TEST_CASE("AGoodAnswerOfTheIssuerIsBelievedForItsTime") {
  World world;
  const std::string response = world.openssl.answer(world.request);
  const auto now = system_clock::now();
  const auto answer = check_ocsp_response(world.leaf, response, now);
  REQUIRE(answer);
  CHECK(answer->next_update - answer->this_update == 48h);
  CHECK(answer->this_update <= now);
  CHECK(answer->this_update > now - 1min);
  const auto der = tls::decode_base64(answer->text);
  REQUIRE(der);
  CHECK(std::string(der->begin(), der->end()) == response);
  for (const char* options :
       {"-ndays 2 -resp_key_id", "-ndays 2 -resp_no_certs", "-ndays 2 -rmd sha384", "-ndays 2 -rmd sha512"}) {
    CAPTURE(options);
    CHECK(world.why_not(world.openssl.answer(world.request, "ca", options)) == "good");
  }
  // Time goes by; the last moment is not clients' to be told of.
  CHECK(why(check_ocsp_response(world.leaf, response, answer->next_update - 1s)) == "good");
  CHECK(why(check_ocsp_response(world.leaf, response, answer->next_update)) == "it has expired");
  CHECK(why(check_ocsp_response(world.leaf, response, answer->this_update - 299s)) == "good");
  CHECK(why(check_ocsp_response(world.leaf, response, answer->this_update - 301s)) ==
        "it is from the future");
}

TEST_CASE("OtherStatusesAreNotStapled") {
  World world;
  for (const auto& [name, expected] : {std::pair("revoked", "the certificate is revoked"),
                                       std::pair("missing", "the responder does not know the certificate")}) {
    const Certificate certificate = world.openssl.certificate(name);
    const std::string response = world.openssl.answer(make_ocsp_question(certificate).value().request);
    CHECK(why(check_ocsp_response(certificate, response)) == expected);
    CHECK(check_ocsp_response(certificate, response).error().code == ErrorCode::kNotFound);
    const auto later = system_clock::now() + 49h;
    CHECK(check_ocsp_response(certificate, response, later).error().code == ErrorCode::kBadResponse);
    CHECK(world.why_not(response) == "it is about another certificate");
  }
}

TEST_CASE("AnAnswerAboutACertificateOfAnotherIssuerIsNone") {
  World world;
  world.openssl.issue("twin", "evil", "leaf", 0x1001);  // the same number and the same name of its issuer
  const Certificate twin = world.openssl.certificate("twin", "evil");
  CHECK(why(check_ocsp_response(twin, world.openssl.answer(world.request))) ==
        "it is about another certificate");
}

TEST_CASE("WhoIsChargedBySignerOfTheCertificateMaySign") {
  World world;
  world.openssl.issue("delegate", "ca", "responder", 0x3001);
  world.openssl.issue("rsa", "ca", "responder", 0x3002, 7, "rsa:2048");
  for (const char* signer : {"delegate", "rsa"}) {
    for (const char* options : {"-ndays 2", "-ndays 2 -resp_key_id"}) {
      CAPTURE(signer);
      CHECK(world.why_not(world.openssl.answer(world.request, signer, options)) == "good");
    }
  }
  world.openssl.issue("brief", "ca", "responder", 0x3003, 1);
  const std::string brief = world.openssl.answer(world.request, "brief");
  const auto answer = check_ocsp_response(world.leaf, brief);
  REQUIRE(answer);
  CHECK(answer->next_update - answer->this_update < 25h);  // no longer than the signer's certificate
  CHECK(world.why_not(brief, 36h) == "the responder's certificate is not valid now");
}

TEST_CASE("NobodyElseMaySign") {
  World world;
  constexpr const char* kNotForIt = "the responder's certificate is not one for signing OCSP responses";
  constexpr const char* kNotIssued = "the certificate's issuer has not issued the responder's certificate";
  world.openssl.issue("server", "ca", "server", 0x4001);
  world.openssl.issue("no_use", "ca", "no_use", 0x4002);
  world.openssl.issue("critical", "ca", "critical", 0x4003);
  world.openssl.issue("stranger", "evil", "responder", 0x4004);
  world.openssl.issue("weak", "ca", "responder", 0x4005, 7, "rsa:1024");
  const auto signed_by = [&](const char* signer, const char* options = "-ndays 2") {
    return world.why_not(world.openssl.answer(world.request, signer, options));
  };
  CHECK(signed_by("server") == kNotForIt);
  CHECK(signed_by("no_use") == kNotForIt);
  CHECK(signed_by("critical") == kNotForIt);
  CHECK(signed_by("stranger") == kNotIssued);
  CHECK(signed_by("stranger", "-ndays 2 -resp_key_id") == kNotIssued);
  CHECK(signed_by("weak") == "its signature is wrong");
  CHECK(signed_by("leaf") == kNotForIt);
  // By name it is the issuer, by key another.
  CHECK(signed_by("evil", "-ndays 2 -resp_no_certs") == "its signature is wrong");
  CHECK(signed_by("evil", "-ndays 2 -resp_no_certs -resp_key_id").starts_with("nobody"));
  CHECK(signed_by("evil") != "good");
  CHECK(signed_by("evil", "-ndays 2 -resp_key_id") != "good");
  world.openssl.issue("delegate", "ca", "responder", 0x4006);
  CHECK(signed_by("delegate", "-ndays 2 -resp_no_certs").starts_with("nobody"));
}

TEST_CASE("Sha1SignsNothing") {
  World world;
  CHECK(world.why_not(world.openssl.answer(world.request, "ca", "-ndays 2 -rmd sha1")) ==
        "its signature is not RSA or ECDSA with SHA-256, SHA-384 or SHA-512");
}

TEST_CASE("WithoutNextUpdateItCannotBeUsed") {
  World world;
  const std::string response = world.openssl.answer(world.request, "ca", "");
  CHECK(check_ocsp_response(world.leaf, response).error().code == ErrorCode::kParse);
}

TEST_CASE("RespondersWithoutAnAnswerSayWhy") {
  const World world;
  const auto with_status = [&](char status) {
    return world.why_not(std::string("\x30\x03\x0a\x01", 4) + status);
  };
  CHECK(with_status(1).ends_with("malformed_request"));
  CHECK(with_status(3).ends_with("try_later"));
  CHECK(with_status(6).find("unauthorized") != std::string::npos);
  CHECK(with_status(4).find("none that is known") != std::string::npos);
  CHECK(check_ocsp_response(world.leaf, std::string("\x30\x03\x0a\x01\x00", 5)).error().code ==
        ErrorCode::kParse);  // successful, and nothing with it
}

TEST_CASE("WhatIsCutOrChangedIsNeverBelieved") {
  World world;
  const std::string response = world.openssl.answer(world.request, "ca", "-ndays 2 -resp_no_certs");
  REQUIRE(world.why_not(response) == "good");
  for (std::size_t size = 0; size < response.size(); ++size) {
    CAPTURE(size);
    CHECK(check_ocsp_response(world.leaf, response.substr(0, size)).error().code == ErrorCode::kParse);
  }
  CHECK(check_ocsp_response(world.leaf, response + '\0').error().code == ErrorCode::kParse);
  CHECK(check_ocsp_response(world.leaf, std::string(kMaxOcspResponseBytes + 1, '0')).error().code ==
        ErrorCode::kParse);
  for (std::size_t i = 0; i < response.size(); ++i) {
    for (const int bit : {0, 3, 7}) {
      std::string changed = response;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      CAPTURE(i);
      CHECK(world.why_not(changed) != "good");
    }
  }
}

TEST_CASE("Base64ComesBackAndNothingElseIsRead") {
  for (const std::string text : {"", "a", "ab", "abc", "abcd"}) {
    const std::vector<std::uint8_t> bytes(text.begin(), text.end());
    CHECK(tls::decode_base64(tls::encode_base64(bytes)) == bytes);
  }
  CHECK(tls::encode_base64(std::vector<std::uint8_t>{'a', 'b', 'c', 'd'}) == "YWJjZA==");
  CHECK(tls::decode_base64("YW Jj\r\n\tZA==\n")->size() == 4);
  for (const char* text : {"YWJjZA", "YWJjZA=", "YWJ*", "====", "YWJjZA==YWJj"})
    CHECK(!tls::decode_base64(text));
}

}  // namespace
}  // namespace ingress
