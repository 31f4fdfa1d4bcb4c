// Who we are on the link, from the files that the options name.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "ingress/stream.h"
#include "proxyd/options.h"

namespace proxyd {

// Nothing when there are no files to read: unix sockets only. Fails with a sentence.
std::expected<std::optional<ingress::StreamIdentity>, std::string> read_identity(const LinkOptions& options);

}  // namespace proxyd
