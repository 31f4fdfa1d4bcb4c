#include "tls/pem.h"

#include <openssl/base.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>

#include "tls/boring.h"

namespace ingress::tls {
namespace {

using namespace std::string_view_literals;

// What PEM_read_bio hands out of one block; all of it is null when there was none.
struct RawBlock {
  bssl::UniquePtr<char> label;
  bssl::UniquePtr<char> header;
  bssl::UniquePtr<std::uint8_t> der;
  std::size_t der_bytes = 0;
};

RawBlock read_block(BIO* bio) {
  char* label = nullptr;
  char* header = nullptr;
  std::uint8_t* der = nullptr;
  long der_bytes = 0;
  if (PEM_read_bio(bio, &label, &header, &der, &der_bytes) != 1) return {};
  return {.label = bssl::UniquePtr<char>(label),
          .header = bssl::UniquePtr<char>(header),
          .der = bssl::UniquePtr<std::uint8_t>(der),
          .der_bytes = static_cast<std::size_t>(der_bytes)};
}

bool is_at_end() {
  const std::uint32_t error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

std::string_view why_unreadable() {
  const std::uint32_t error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM) return "cannot be read"sv;
  switch (ERR_GET_REASON(error)) {
    case PEM_R_BAD_END_LINE:
      return "has no END line of its own"sv;
    case PEM_R_BAD_BASE64_DECODE:
      return "is not base64"sv;
    case PEM_R_NO_DATA:
      return "is empty"sv;
    default:
      return "cannot be read"sv;
  }
}

// Empty when `block` may be taken.
std::string_view why_refused(const RawBlock& block) {
  const std::string_view header = block.header.get();
  if (block.label.get() == "ENCRYPTED PRIVATE KEY"sv) return "is encrypted"sv;
  if (header.find("Proc-Type: 4,ENCRYPTED") != header.npos) return "is encrypted"sv;
  // PEM_read_bio takes all before an empty line for a header, also the first half of the contents.
  if (!header.empty()) return "has a header or an empty line, which RFC 7468 has not"sv;
  return {};
}

std::string problem(std::size_t number, std::string_view why) {
  return "block " + std::to_string(number) + " " + std::string(why);
}

}  // namespace

std::expected<std::vector<PemBlock>, std::string> read_pem(std::string_view text, std::size_t max_blocks) {
  if (text.size() > kMaxPemBytes) return std::unexpected("more than 1 MB of text");
  // PEM_read_bio works on C strings: what follows a NUL in a line would be read by others, but not here.
  if (text.find('\0') != text.npos) return std::unexpected("not text: it has a NUL byte");
  const ErrorScope errors;
  const bssl::UniquePtr<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<ossl_ssize_t>(text.size())));
  if (!bio) return std::unexpected("no memory");
  std::vector<PemBlock> blocks;
  for (;;) {
    const RawBlock block = read_block(bio.get());
    const std::size_t number = blocks.size() + 1;
    if (!block.label) {
      if (is_at_end()) return blocks;
      return std::unexpected(problem(number, why_unreadable()));
    }
    if (number > max_blocks) return std::unexpected("more than " + std::to_string(max_blocks) + " blocks");
    if (const auto why = why_refused(block); !why.empty()) return std::unexpected(problem(number, why));
    blocks.push_back(
        {.label = block.label.get(), .der = {block.der.get(), block.der.get() + block.der_bytes}});
  }
}

}  // namespace ingress::tls
