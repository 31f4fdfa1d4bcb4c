// Which source the options ask for.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "ingress/loop.h"
#include "proxyd/config_source.h"
#include "proxyd/options.h"
#include "proxyd/problem_board.h"

namespace proxyd {

// Why the source that was asked for cannot be there; empty when it can. What was named must be there at the
// start, where a wrong path is most likely; later it may come and go.
std::string missing_input(const InputOptions& input);

// Fails only for a cluster that there is no way to.
std::expected<std::unique_ptr<ConfigSource>, std::string> make_source(const InputOptions& input,
                                                                      ingress::Loop& loop,
                                                                      Publisher& publisher,
                                                                      ProblemBoard& board,
                                                                      ConfigSource::OnHopeless on_hopeless);

}  // namespace proxyd
