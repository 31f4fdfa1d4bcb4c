// What the groups of options are written with: flags that are environment variables too, and the first error
// of their values.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace proxyd {

// "--access-log" -> PROXYD_ACCESS_LOG
inline std::string to_env_name(const std::string& flag) {
  std::string name = "PROXYD_" + flag.substr(flag.find_first_not_of('-'));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  return name;
}

// CLI11 reads the environment for subcommands that were not chosen too, so targets are texts, and what they
// mean is read for the chosen one only.
inline CLI::Option* add_option(CLI::App& app, const std::string& flag, std::string& target,
                               const std::string& type, const std::string& help) {
  return app.add_option(flag, target, help)->type_name(type)->envname(to_env_name(flag));
}

inline void add_flag(CLI::App& app, const std::string& flag, bool& target, const std::string& help) {
  app.add_flag(flag, target, help)->envname(to_env_name(flag));
}

// May be repeated, or a list with commas.
inline void add_list_option(CLI::App& app, const std::string& flag, std::vector<std::string>& target,
                            const std::string& type, const std::string& help) {
  app.add_option(flag, target, help)
      ->type_name(type)
      ->envname(to_env_name(flag))
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// Collects the first error, so that each value needs one line only.
class OptionReader {
 public:
  template <typename T, typename Parsed>
  void read(const char* flag, const std::string& text, T& target, Parsed parsed) {
    if (text.empty() || error_) return;
    if (parsed) {
      target = std::move(*parsed);
    } else {
      fail(std::string(flag) + ": " + parsed.error());
    }
  }
  void fail(std::string message) {
    if (!error_) error_ = std::move(message);
  }
  const std::optional<std::string>& error() const { return error_; }

 private:
  std::optional<std::string> error_;
};

}  // namespace proxyd
