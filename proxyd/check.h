// `proxyd check`: all problems of a folder of manifests or a config file at once.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "ingress/config.h"
#include "proxyd/options.h"

namespace proxyd {

// Reads the input as it is now. Fails with a sentence when there is nothing to check: the folder or the
// config file cannot be read.
std::expected<std::vector<ingress::Problem>, std::string> find_problems(const InputOptions& input);

// The list for people: one block per problem, and how many there are.
std::string problems_text(const std::vector<ingress::Problem>& problems);

// Prints the list to stdout. Exit codes: 0 no problem, 1 problems, 2 nothing to check.
int run_check(const CheckOptions& options);

}  // namespace proxyd
