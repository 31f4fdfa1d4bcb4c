#include "proxyd/byte_ring.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>

namespace proxyd {
namespace {

std::string take_all(ByteRing& ring) {
  const auto [first, second] = ring.peek();
  std::string text = std::string(first) + std::string(second);
  ring.consume(text.size());
  return text;
}

TEST_CASE("TakesWholeTextsOrNone") {
  ByteRing ring(8);
  CHECK(ring.push("abc") == ByteRing::Pushed::kYes);
  CHECK(ring.push("defghi") == ByteRing::Pushed::kNo);
  CHECK(ring.push("defgh") == ByteRing::Pushed::kHalfFull);
  CHECK(ring.push("x") == ByteRing::Pushed::kNo);
  CHECK(take_all(ring) == "abcdefgh");
  CHECK(take_all(ring).empty());
  CHECK(ring.push(std::string(9, 'x')) == ByteRing::Pushed::kNo);
}

TEST_CASE("WrapsAroundInTwoPieces") {
  ByteRing ring(8);
  for (int round = 0; round < 100; ++round) {
    CAPTURE(round);
    CHECK(ring.push("12345") != ByteRing::Pushed::kNo);
    CHECK(ring.push("ab") != ByteRing::Pushed::kNo);
    CHECK(take_all(ring) == "12345ab");
  }
}

TEST_CASE("TellsOfTheHalfOncePerFilling") {
  ByteRing ring(8);
  for (int round = 0; round < 3; ++round) {
    CHECK(ring.push("1234") == ByteRing::Pushed::kYes);
    CHECK(ring.push("5") == ByteRing::Pushed::kHalfFull);
    CHECK(ring.push("6") == ByteRing::Pushed::kYes);
    take_all(ring);
  }
}

TEST_CASE("CarriesAStreamBetweenTwoThreads") {
  ByteRing ring(64);
  constexpr int kNumLines = 20'000;
  std::thread producer([&] {
    for (int i = 0; i < kNumLines; ++i) {
      const std::string line = std::to_string(i) + "\n";
      while (ring.push(line) == ByteRing::Pushed::kNo) std::this_thread::yield();
    }
  });
  std::string text, expected;
  for (int i = 0; i < kNumLines; ++i) expected += std::to_string(i) + "\n";
  while (text.size() < expected.size()) text += take_all(ring);
  producer.join();
  CHECK((text == expected));
}

}  // namespace
}  // namespace proxyd
