// Options of `run`, `controller` and `check`: where the configuration comes from, and what Kubernetes objects
// are made into.
#pragma once

#include <string>

#include "proxyd/option_reader.h"
#include "proxyd/options.h"

namespace proxyd {

struct RawSource {
  std::string manifests, config, default_backend, default_certificate, controller_name;
  bool allow_external_names = false;
  // Both sources are the operator's own files: what they name is meant.
  bool allow_local_backends = true;
};

// The sources themselves; `check` has them in a form of its own.
void add_source_options(CLI::App& app, RawSource& raw);
void add_translate_options(CLI::App& app, RawSource& raw);
// `manifests_name`: how the folder of manifests is given, for the error.
InputOptions read_source(OptionReader& reader, const RawSource& raw, const char* manifests_name);

}  // namespace proxyd
