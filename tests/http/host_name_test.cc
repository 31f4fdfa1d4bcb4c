#include "http/host_name.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using namespace ingress::http;

namespace {

HostName scan_slowly(std::string_view text) {
  HostName name;
  for (char before = '.'; name.size < text.size() && is_in(text[name.size], kHostChar); ++name.size) {
    const char c = text[name.size];
    if (before == '.' && c == '.') name.has_empty_label = true;
    if (c >= 'A' && c <= 'Z') name.has_upper_case = true;
    before = c;
  }
  return name;
}

void check(std::string_view text) {
  CAPTURE(std::string(text));
  const HostName wanted = scan_slowly(text);
  const HostName found = scan_host_name(text);
  CHECK(found.size == wanted.size);
  CHECK(found.has_upper_case == wanted.has_upper_case);
  CHECK(found.has_empty_label == wanted.has_empty_label);
}

}  // namespace

TEST_CASE("ScanHostNameTakesEachByteForWhatItIs") {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t size = 1; size <= 35; ++size) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'a');
        text[at] = static_cast<char>(byte);
        check(text);
      }
    }
  }
}

TEST_CASE("ScanHostNameFindsEmptyLabelsWhereverTheyStand") {
  for (std::size_t size = 0; size <= 40; ++size) {
    for (std::size_t at = 0; at + 2 <= size; ++at) {
      std::string text(size, 'b');
      text.replace(at, 2, "..");
      check(text);
    }
  }
}
