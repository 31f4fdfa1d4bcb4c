// Options of `serve` and `controller`: how the two find and believe each other.
#pragma once

#include <string>
#include <vector>

#include "proxyd/option_reader.h"
#include "proxyd/options.h"

namespace proxyd {

struct RawLink {
  std::vector<std::string> addresses, peers;
  std::string cert, key, ca;
};

enum class LinkEnd : unsigned char { kController, kServing };
void add_link_options(CLI::App& app, RawLink& raw, LinkEnd end);
LinkOptions read_link(OptionReader& reader, const RawLink& raw, LinkEnd end);

}  // namespace proxyd
