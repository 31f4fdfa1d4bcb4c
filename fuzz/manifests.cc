// Manifests of any bytes, all the way to a configuration. The first byte chooses the format and the options.
// Holds: nothing crashes, problems are bounded and printable, what is translated validates, equal objects
// give equal configurations whatever their order.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "controller/manifest.h"
#include "controller/problem_list.h"
#include "controller/translate.h"

using namespace ingress;
using namespace ingress::controller;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_problems(const std::vector<Problem>& problems) {
  require(problems.size() <= ProblemList::kMaxTotal + 1);
  for (const Problem& problem : problems) {
    for (const std::string* text : {&problem.field, &problem.why, &problem.fix, &problem.object.name}) {
      require(text->size() < 4096);
      require(std::all_of(text->begin(), text->end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
    }
  }
}

bool has_errors(const std::vector<Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const Problem& problem) { return problem.severity == Severity::kError; });
}

// Some contents are errors, some warnings.
std::vector<Problem> judge_by_length(const Certificate& certificate) {
  if (certificate.chain.size() % 3 == 0) return {};
  const bool is_error = certificate.chain.size() % 3 == 1;
  return {{.severity = is_error ? Severity::kError : Severity::kWarning, .field = "chain", .why = "odd"}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Manifest manifest = read_manifest(text, choice & 1 ? "in.json" : "in.yaml");
  check_problems(manifest.problems);
  require(manifest.is_readable || (manifest.objects.empty() && manifest.problems.size() == 1));

  TranslateOptions options;
  options.allow_external_names = (choice & 2) != 0;
  options.allow_local_endpoints = (choice & 4) != 0;
  if (choice & 8) options.default_backend = DefaultBackend{"default", "web", {.number = 80, .name = {}}};
  options.serves_tls = (choice & 16) != 0;
  if (choice & 32) options.default_certificate = DefaultCertificate{"default", "cert"};
  options.check_certificate = judge_by_length;
  Store store;
  store.replace_source("in", manifest.objects);
  const Translation translation = translate(store, options);
  check_problems(translation.problems);
  require(!has_errors(validate(translation.config)));

  // Of objects that are there twice the first counts: only without those the order is free.
  if (!store.duplicate_problems().empty()) return 0;
  std::reverse(manifest.objects.begin(), manifest.objects.end());
  Store reversed;
  reversed.replace_source("in", std::move(manifest.objects));
  const Translation again = translate(reversed, options);
  require(again.config == translation.config && again.problems == translation.problems);
  return 0;
}
