// Certificates for tests, made by BoringSSL on the spot.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include "ingress/certificate.h"

namespace ingress::test {

enum class TestKey : std::uint8_t { kP256, kP384, kP224, kRsa2048, kRsa1024 };

struct CertificateRecipe {
  std::string name = "test";
  std::vector<std::string> dns_names = {"a.example"};  // in its subjectAltName
  std::vector<std::string> server_names = {"a.example"};
  TestKey key = TestKey::kP256;
  std::int64_t valid_from = std::time(nullptr) - 3600;
  std::int64_t valid_to = std::time(nullptr) + 3600;
};

// Signed by its own key. RSA keys are made once per size.
Certificate make_certificate(const CertificateRecipe& recipe = {});

}  // namespace ingress::test
