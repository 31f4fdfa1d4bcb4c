#include "base/hash.h"

#include <doctest/doctest.h>

using namespace ingress::base;

TEST_CASE("HashIsSipHash13") {
  // From CPython 3.11, hash() of bytes with PYTHONHASHSEED=0, which is SipHash-1-3 under the zero key.
  struct Row {
    std::string_view text;
    std::uint64_t hash;
  };
  for (const Row row :
       {Row{"a", 0x407448d2b89b1813u}, Row{"abc", 0xc03bc3a0042630f2u}, Row{"abcdefg", 0x6db12aae9070f506u},
        Row{"abcdefgh", 0x3f7b849c0b8e35eau}, Row{"abcdefghi", 0xf89b34a3d11eb6e5u},
        Row{"shop.example.com/cart", 0xc54ccbc680c7ce90u}}) {
    CAPTURE(row.text);
    CHECK(sip_hash(0, 0, row.text) == row.hash);
  }
}

TEST_CASE("HashOfTheProcessHasAKeyAndKeepsIt") {
  CHECK(hash_text("abc") == hash_text("abc"));
  CHECK(hash_text("abc") != hash_text("abd"));
  CHECK(hash_text("abc") != sip_hash(0, 0, "abc"));  // wrong once in 2^64 runs
  CHECK(hash_text("") != hash_text(std::string_view("\0", 1)));
}
