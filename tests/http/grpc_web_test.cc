#include "http/grpc_web.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ingress::http {
namespace {

using namespace std::string_view_literals;

base::BufferPool& pool() {
  static base::BufferPool one;
  return one;
}

// The bytes of `text`, fed in pieces that end at `cut` and at the end; nullopt when it is not base64.
std::optional<std::string> decode(std::string_view text, std::size_t cut) {
  Base64Decoder decoder;
  base::Chain out;
  if (!decoder.feed(text.substr(0, cut), out, pool())) return std::nullopt;
  if (!decoder.feed(text.substr(cut), out, pool())) return std::nullopt;
  if (!decoder.is_complete()) return std::nullopt;
  return out.to_string();
}

std::string encode(std::string_view bytes, std::size_t cut) {
  base::Chain in, out;
  in.append(pool().copy(bytes.substr(0, cut)));
  in.append(pool().copy(bytes.substr(cut)));
  append_base64(std::move(in), out, pool());
  CHECK(in.is_empty());
  return out.to_string();
}

TEST_CASE("DecodesBase64CutAnywhere") {
  struct Row {
    std::string_view text;
    std::optional<std::string_view> bytes;
  };
  static constexpr Row kRows[] = {
      {"", ""},
      {"AAAA", "\0\0\0"sv},
      {"Zg==", "f"},
      {"Zm8=", "fo"},
      {"Zm9v", "foo"},
      {"Zm9vYmFy", "foobar"},
      {"+/+/", "\xfb\xff\xbf"},
      {"Zg==Zm8=Zm9v", "ffofoo"},  // padded in between, as often as the sender flushed
      {"Zm9vZg==", "foof"},
      {"Zg=", std::nullopt},  // ends within a group
      {"Zg", std::nullopt},
      {"Z", std::nullopt},
      {"Zm9vZ", std::nullopt},
      {"Z===", std::nullopt},
      {"====", std::nullopt},
      {"=AAA", std::nullopt},
      {"Zg=A", std::nullopt},
      {"Zg===", std::nullopt},
      {"Zm8==", std::nullopt},
      {"Zh==", std::nullopt},  // bits that are of no byte
      {"Zm9=", std::nullopt},
      {"Zm 9v", std::nullopt},
      {"Zm9v\r\n", std::nullopt},
      {"Zm-_", std::nullopt},
      {"Zm9\xff", std::nullopt},
      {"Zm9\0"sv, std::nullopt},
  };
  for (const Row& row : kRows) {
    for (std::size_t cut = 0; cut <= row.text.size(); ++cut) {
      CAPTURE(row.text);
      CAPTURE(cut);
      CHECK(decode(row.text, cut) == row.bytes);
    }
  }
}

TEST_CASE("WhatIsNoBase64StaysSo") {
  Base64Decoder decoder;
  base::Chain out;
  CHECK_FALSE(decoder.feed("Zm9v!", out, pool()));
  CHECK(out.to_string() == "foo");
  CHECK_FALSE(decoder.feed("Zm9v", out, pool()));
  CHECK_FALSE(decoder.is_complete());
  CHECK(out.to_string() == "foo");
}

TEST_CASE("GivesBytesAsSoonAsTheyAreComplete") {
  Base64Decoder decoder;
  base::Chain out;
  REQUIRE(decoder.feed("Zm9vYg", out, pool()));
  CHECK(out.to_string() == "foo");
  CHECK_FALSE(decoder.is_complete());
  REQUIRE(decoder.feed("==", out, pool()));
  CHECK(out.to_string() == "foob");
}

TEST_CASE("EncodesOverTheBordersOfSlices") {
  constexpr std::string_view kBytes = "foobar";
  static constexpr std::string_view kTexts[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                                "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (std::size_t size = 0; size <= kBytes.size(); ++size) {
    for (std::size_t cut = 0; cut <= size; ++cut) {
      CAPTURE(size);
      CAPTURE(cut);
      CHECK(encode(kBytes.substr(0, size), cut) == kTexts[size]);
    }
  }
}

TEST_CASE("LargeBodiesComeBackAsTheyWere") {
  std::string bytes;
  for (unsigned i = 0; i < 200'000; ++i) bytes += static_cast<char>(i * i >> 3);
  const std::string text = encode(bytes, 77'777);
  CHECK(text.size() == (bytes.size() + 2) / 3 * 4);
  CHECK(decode(text, 99'999) == bytes);
}

TEST_CASE("TrailersBecomeAFrame") {
  Headers trailers;
  trailers.add("Grpc-Status", "0");
  trailers.add("x-sum", "a: b");
  CHECK(make_trailer_frame(trailers) == "\x80\0\0\0\x1dgrpc-status: 0\r\nx-sum: a: b\r\n"sv);
  CHECK(make_trailer_frame({}) == "\x80\0\0\0\0"sv);
}

TEST_CASE("TranslatesTypes") {
  CHECK(to_grpc_type("application/grpc-web") == "application/grpc");
  CHECK(to_grpc_type("application/grpc-web-text+proto;a=b") == "application/grpc+proto;a=b");
  CHECK(to_grpc_web_type("application/grpc+proto", GrpcKind::kWeb) == "application/grpc-web+proto");
  CHECK(to_grpc_web_type("application/grpc", GrpcKind::kWebText) == "application/grpc-web-text");
  CHECK(to_grpc_web_type("application/grpc-web", GrpcKind::kWeb).empty());
  CHECK(to_grpc_web_type("text/html", GrpcKind::kWeb).empty());
}

TEST_CASE("AnswersInTheFormThatIsAccepted") {
  constexpr auto kWeb = GrpcKind::kWeb, kText = GrpcKind::kWebText;
  CHECK(wanted_grpc_web_kind("", kWeb) == kWeb);
  CHECK(wanted_grpc_web_kind("*/*", kText) == kText);
  CHECK(wanted_grpc_web_kind("application/grpc-web-text", kWeb) == kText);
  CHECK(wanted_grpc_web_kind("text/html, application/grpc-web+proto", kText) == kWeb);
}

}  // namespace
}  // namespace ingress::http
