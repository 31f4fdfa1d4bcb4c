// What certificates cost: bytes and time of each when a table is built, a handshake's choice among them, and
// the change of one. Each has an ECDSA key of its own on P-256, one name, and half of a kilobyte of chain.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "tls/cert_table.h"

namespace ingress::tls {
namespace {

std::string host_name(std::size_t number) {
  std::string digits = std::to_string(number);
  return "h" + std::string(7 - digits.size(), '0') + digits + ".bench.example";
}

// What a wildcard is for: every fourth certificate is one.
std::string server_name(std::size_t number) {
  return number % 4 == 3 ? "*.w" + host_name(number) : host_name(number);
}

void must(bool is_done) {
  if (!is_done) std::abort();
}

std::string take_text(BIO* bio) {
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  must(BIO_mem_contents(bio, &bytes, &size) == 1);
  return {reinterpret_cast<const char*>(bytes), size};
}

Certificate make_certificate(std::size_t number) {
  const std::string name = server_name(number);
  const bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  const bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  must(EC_KEY_generate_key(ec.get()) == 1 && EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) == 1);
  const bssl::UniquePtr<X509> x509(X509_new());
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509.get()), number + 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 90L * 24 * 3600);
  X509_NAME_add_entry_by_NID(X509_get_subject_name(x509.get()), NID_commonName, MBSTRING_UTF8,
                             reinterpret_cast<const std::uint8_t*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x509.get(), X509_get_subject_name(x509.get()));
  X509_set_pubkey(x509.get(), key.get());
  const bssl::UniquePtr<GENERAL_NAMES> names(GENERAL_NAMES_new());
  bssl::UniquePtr<ASN1_IA5STRING> text(ASN1_IA5STRING_new());
  bssl::UniquePtr<GENERAL_NAME> entry(GENERAL_NAME_new());
  must(ASN1_STRING_set(text.get(), name.data(), static_cast<long>(name.size())) == 1);
  GENERAL_NAME_set0_value(entry.get(), GEN_DNS, text.release());
  must(bssl::PushToStack(names.get(), std::move(entry)));
  must(X509_add1_ext_i2d(x509.get(), NID_subject_alt_name, names.get(), 0, 0) == 1);
  must(X509_sign(x509.get(), key.get(), EVP_sha256()) > 0);
  const bssl::UniquePtr<BIO> chain_text(BIO_new(BIO_s_mem())), key_text(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509(chain_text.get(), x509.get()) == 1);
  must(PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {.name = "default/" + host_name(number),
          .server_names = {name},
          .chain = take_text(chain_text.get()),
          .key = {take_text(key_text.get())}};
}

// The first `size` of all that were ever asked for.
const std::vector<Certificate>& certificates(std::size_t size) {
  static std::vector<Certificate> all;
  while (all.size() < size) all.push_back(make_certificate(all.size()));
  return all;
}

ServedCertificatePtr load(const Certificate& certificate) {
  auto loaded = ServedCertificate::load(certificate, std::chrono::system_clock::now());
  must(static_cast<bool>(loaded.certificate));
  return std::move(loaded.certificate);
}

CertTable build(const std::vector<Certificate>& from, std::size_t size) {
  CertTable::Builder builder{CertTable()};
  for (std::size_t i = 0; i < size; ++i) builder.put(load(from[i]));
  return builder.take();
}

// Of the largest size that was asked for, kept for the benches that only read.
const CertTable& table(std::size_t size) {
  static std::size_t built = 0;
  static CertTable kept;
  if (built != size) kept = build(certificates(size), size), built = size;
  return kept;
}

std::size_t heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(1'000)->Arg(100'000);
}

// `bytes`: of each certificate in the table, the texts of chain and key included, which it keeps.
void load_all(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::vector<Certificate>& from = certificates(size);
  double bytes = 0;
  for (auto _ : state) {
    const std::size_t before = heap_bytes();
    CertTable made = build(from, size);
    state.PauseTiming();
    bytes = static_cast<double>(heap_bytes() - before) / static_cast<double>(size);
    made = CertTable();
    state.ResumeTiming();
  }
  state.counters["bytes"] = bytes;
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(load_all)->Apply(sizes)->Unit(benchmark::kMillisecond);

// Names in a random order, so that caches are as cold as those of a server with as many hosts.
void choose(benchmark::State& state, std::string (*name_of)(std::size_t)) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const CertTable& from = table(size);
  std::vector<std::string> names;
  std::uint64_t random = 0x9e3779b97f4a7c15;
  for (std::size_t i = 0; i < 4096; ++i) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    names.push_back(name_of(random % size));
  }
  std::size_t at = 0, found = 0;
  for (auto _ : state) found += from.find(names[at++ % names.size()]).size();
  state.counters["found"] = static_cast<double>(found) / static_cast<double>(state.iterations());
}
BENCHMARK_CAPTURE(choose, exact, [](std::size_t i) { return host_name(i - i % 4); })->Apply(sizes);
BENCHMARK_CAPTURE(choose, wildcard, [](std::size_t i) {
  return "a.w" + host_name(i - i % 4 + 3);
})->Apply(sizes);
BENCHMARK_CAPTURE(choose, unknown, [](std::size_t i) { return "x" + host_name(i); })->Apply(sizes);

// One gets a new chain and key: what a Secret that changes costs, its parsing included.
void replace_one(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  CertTable now = table(size);
  const Certificate fresh[] = {make_certificate(0), make_certificate(0)};
  std::size_t turn = 0;
  for (auto _ : state) {
    CertTable::Builder builder(now);
    builder.put(load(fresh[turn++ % 2]));
    now = builder.take();
  }
}
BENCHMARK(replace_one)->Apply(sizes)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace ingress::tls
