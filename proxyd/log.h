// The daemon's own log: lines on stderr, never about single requests.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "ingress/config.h"

namespace proxyd {

// Writes "proxyd: " and `line` in one system call; control characters are escaped. Any thread.
void log_line(std::string_view line);

// One line for a problem, with all that is known of it.
std::string to_line(const ingress::Problem& problem);

// Logs each of `problems`, at most twenty, and how many more there are.
void log_problems(std::span<const ingress::Problem> problems);

}  // namespace proxyd
