#include "config/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/syntax.h"

namespace ingress::config {
namespace {

std::string amount_text(Measure measure, std::int64_t amount) {
  switch (measure) {
    case Measure::kMilliseconds:
      return fmt::format("{} ms", amount);
    case Measure::kSeconds:
      return fmt::format("{} s", amount);
    case Measure::kBytes:
      return fmt::format("{} bytes long", amount);
    case Measure::kItems:
      return fmt::format("a list of {}", amount);
    case Measure::kNumber:
    case Measure::kEnumerator:
    case Measure::kNone:
      break;
  }
  return fmt::format("{}", amount);
}

template <class T>
void report_same_name(const T& part, const FieldPath& field, std::string_view kind,
                      std::vector<Problem>& out) {
  Reporter reporter = make_reporter(part, out);
  reporter.error(field.at("name"), fmt::format("is {}, as an earlier {} is called", quoted(part.name), kind),
                 "give each its own name");
}

template <class T>
void report_same_key(const T& part, const FieldPath& field, std::string_view kind,
                     std::vector<Problem>& out) {
  Reporter reporter = make_reporter(part, out);
  reporter.error(field.at("address"),
                 fmt::format("{} port {} is taken by an earlier {}", quoted(part.address), part.port, kind),
                 "use another address or port, or remove one of the two");
}

// Text that Origin may carry into logs: the first printable bytes.
std::string printable_copy(std::string_view text) {
  std::string out(text.substr(0, static_cast<std::size_t>(kMaxNameBytes)));
  std::ranges::replace_if(out, [](char c) { return !is_printable({&c, 1}); }, '?');
  return out;
}

}  // namespace

bool has_errors(const std::vector<Problem>& problems) {
  return std::ranges::any_of(problems, [](const Problem& p) { return p.severity == Severity::kError; });
}

void Reporter::report(Severity severity, const FieldPath& field, std::string why, std::string fix) {
  Problem problem{.severity = severity, .field = field.text(), .why = std::move(why), .fix = std::move(fix)};
  if (origin_ != nullptr && *origin_ != Origin{}) {
    problem.object = {printable_copy(origin_->kind), printable_copy(origin_->namespace_),
                      printable_copy(origin_->name)};
  } else {
    problem.object = {.kind = std::string(kind_), .namespace_ = {}, .name = printable_copy(name_)};
  }
  out_.push_back(std::move(problem));
}

Reporter make_reporter(const Listener& listener, std::vector<Problem>& out) {
  return {out, "Listener", listener.name, nullptr};
}
Reporter make_reporter(const Cluster& cluster, std::vector<Problem>& out) {
  return {out, "Cluster", cluster.name, &cluster.origin};
}
Reporter make_reporter(const Route& route, std::vector<Problem>& out) {
  return {out, "Route", route.name, &route.origin};
}
Reporter make_reporter(const Certificate& certificate, std::vector<Problem>& out) {
  return {out, "Certificate", certificate.name, &certificate.origin};
}
Reporter make_reporter(const TlsPolicy& policy, std::vector<Problem>& out) {
  return {out, "TlsPolicy", policy.name, &policy.origin};
}
Reporter make_reporter(const UdpListener& listener, std::vector<Problem>& out) {
  return {out, "UdpListener", listener.name, &listener.origin};
}
Reporter make_reporter(const StreamRoute& route, std::vector<Problem>& out) {
  return {out, "StreamRoute", route.name, &route.origin};
}

void report_duplicate_name(const Listener& listener, const FieldPath& field, std::vector<Problem>& out) {
  report_same_name(listener, field, "listener", out);
}
void report_duplicate_name(const Cluster& cluster, const FieldPath& field, std::vector<Problem>& out) {
  report_same_name(cluster, field, "cluster", out);
}
void report_duplicate_name(const Route& route, const FieldPath& field, std::vector<Problem>& out) {
  report_same_name(route, field, "route", out);
}
void report_duplicate_name(const Certificate& certificate, const FieldPath& field,
                           std::vector<Problem>& out) {
  report_same_name(certificate, field, "certificate", out);
}
void report_duplicate_name(const TlsPolicy& policy, const FieldPath& field, std::vector<Problem>& out) {
  report_same_name(policy, field, "TLS policy", out);
}
void report_duplicate_name(const UdpListener& listener, const FieldPath& field, std::vector<Problem>& out) {
  report_same_name(listener, field, "UDP listener", out);
}
void report_duplicate_name(const StreamRoute& route, const FieldPath& field, std::vector<Problem>& out) {
  report_same_name(route, field, "stream route", out);
}
void report_duplicate_key(const Listener& listener, const FieldPath& field, std::vector<Problem>& out) {
  report_same_key(listener, field, "listener", out);
}
void report_duplicate_key(const UdpListener& listener, const FieldPath& field, std::vector<Problem>& out) {
  report_same_key(listener, field, "UDP listener", out);
}

std::string listener_key(const Listener& listener) {
  if (listener.address.starts_with("unix:")) return listener.address;
  if (listener.port == 0) return {};
  return canonical_address(listener.address) + ' ' + std::to_string(listener.port);
}

std::string endpoint_key(const Endpoint& endpoint) {
  return canonical_address(endpoint.address) + ' ' + std::to_string(endpoint.port);
}

void report_out_of_bounds(const FieldInfo& info, Measure measure, std::int64_t amount, const FieldPath& field,
                          Reporter& reporter) {
  if (measure == Measure::kBytes && amount == 0) {
    return reporter.error(field.at(info.name), "is empty", "set it");
  }
  if (measure == Measure::kEnumerator) {
    return reporter.error(field.at(info.name), fmt::format("is {}, which is no enumerator", amount),
                          "use one of the enumerators");
  }
  reporter.error(field.at(info.name), fmt::format("is {}", amount_text(measure, amount)),
                 fmt::format("keep it between {} and {}", info.min, info.max));
}

void check_name(std::string_view name, const FieldPath& field, Reporter& reporter) {
  if (!is_printable(name)) {
    reporter.error(field, fmt::format("is {}", quoted(name)), "use printable ASCII characters only");
  }
}

void check_origin(const Origin& origin, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(origin, field, reporter);
  check_name(origin.kind, field.at("kind"), reporter);
  check_name(origin.namespace_, field.at("namespace"), reporter);
  check_name(origin.name, field.at("name"), reporter);
}

}  // namespace ingress::config
