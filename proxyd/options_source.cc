#include "proxyd/options_source.h"

#include <fmt/format.h>

#include "proxyd/certificate_check.h"
#include "proxyd/kube/kube_access.h"
#include "proxyd/option_values.h"

namespace proxyd {

void add_source_options(CLI::App& app, RawSource& raw) {
  add_option(app, "--manifests", raw.manifests, "DIR", "Serve the Kubernetes objects in the files of DIR");
  add_option(app, "--config", raw.config, "FILE", "Serve a config of the library, JSON or YAML, instead");
  add_kube_options(app, raw.kube);
}

void add_translate_options(CLI::App& app, RawSource& raw) {
  add_option(app, "--default-backend", raw.default_backend, "NS/SERVICE:PORT",
             "Answers requests that no Ingress claims");
  add_option(app, "--default-certificate", raw.default_certificate, "NS/SECRET",
             "Shown to clients of --https that name no host, or one without a certificate");
  add_option(app, "--controller-name", raw.controller_name, "NAME",
             "Value of spec.controller of the IngressClasses to serve [libingress.dev/proxyd]");
  add_flag(app, "--allow-external-names", raw.allow_external_names,
           "Serve Services of type ExternalName; they can point at anything");
  raw.local_backends_flag =
      app.add_flag(
             "--allow-local-backends", raw.allow_local_backends,
             "Connect to loopback, link-local, unspecified and multicast addresses; =false refuses them, "
             "resolved ones too [true of files, false of a cluster]")
          ->envname(to_env_name("--allow-local-backends"));
}

InputOptions read_source(OptionReader& reader, const RawSource& raw, const char* manifests_name,
                         MayBeCluster may_be_cluster) {
  InputOptions input{.manifests_dir = raw.manifests, .config_file = raw.config, .kube = {}, .translate = {}};
  const int num_files = (raw.manifests.empty() ? 0 : 1) + (raw.config.empty() ? 0 : 1);
  const bool is_cluster = raw.kube.is_source() ||
                          (num_files == 0 && may_be_cluster == MayBeCluster::kYes && has_service_account());
  if (num_files + (is_cluster ? 1 : 0) != 1)
    reader.fail(fmt::format(
        "give one of {}{}--config FILE", manifests_name,
        may_be_cluster == MayBeCluster::kYes ? ", --kubeconfig FILE, --in-cluster and " : " and "));
  if (is_cluster) {
    input.kube = read_kube(reader, raw.kube, input.translate);
  } else {
    refuse_kube(reader, raw.kube);
  }
  if (!raw.config.empty() && (!raw.default_backend.empty() || !raw.default_certificate.empty() ||
                              raw.allow_external_names || !raw.controller_name.empty()))
    reader.fail(
        "--default-backend, --default-certificate, --controller-name and --allow-external-names have no "
        "meaning with --config");
  reader.read("--default-backend", raw.default_backend, input.translate.default_backend,
              parse_default_backend(raw.default_backend));
  reader.read("--default-certificate", raw.default_certificate, input.translate.default_certificate,
              parse_default_certificate(raw.default_certificate));
  input.translate.check_certificate = [](const ingress::Certificate& certificate) {
    return check_certificate(certificate, Stapling::kOff);
  };
  if (!raw.controller_name.empty()) input.translate.controller_name = raw.controller_name;
  input.translate.allow_external_names = raw.allow_external_names;
  input.translate.allow_local_endpoints =
      raw.local_backends_flag->count() > 0 ? raw.allow_local_backends : !is_cluster;
  if (!input.translate.allow_local_endpoints) input.local_backends = ingress::LocalBackends::kRefused;
  return input;
}

}  // namespace proxyd
