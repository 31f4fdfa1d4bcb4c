// Options of `run`, `controller` and `check`: where the configuration comes from, and what Kubernetes objects
// are made into.
#pragma once

#include <optional>
#include <string>

#include "proxyd/kube/kube_options.h"
#include "proxyd/option_reader.h"
#include "proxyd/options.h"

namespace proxyd {

struct RawSource {
  std::string manifests, config, default_backend, default_certificate, controller_name;
  bool allow_external_names = false;
  // Unset: what the operator's own files name is meant, what is in a cluster may be anybody's.
  bool allow_local_backends = false;  // where the flag was given; unset means something else
  const CLI::Option* local_backends_flag = nullptr;
  RawKube kube;
};

// The sources themselves; `check` has them in a form of its own.
void add_source_options(CLI::App& app, RawSource& raw);
void add_translate_options(CLI::App& app, RawSource& raw);
// Whether there are options for a cluster.
enum class MayBeCluster : unsigned char { kYes, kNo };
// `manifests_name`: how the folder of manifests is given, for the error.
InputOptions read_source(OptionReader& reader, const RawSource& raw, const char* manifests_name,
                         MayBeCluster may_be_cluster);

}  // namespace proxyd
