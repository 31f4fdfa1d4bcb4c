#include "controller/manifest.h"

#include <utility>

#include "base/json_reader.h"
#include "base/yaml_reader.h"
#include "controller/object_reader.h"
#include "controller/problem_list.h"
#include "controller/syntax.h"

namespace ingress::controller {
namespace {

class ManifestReader {
 public:
  explicit ManifestReader(const std::string& source) : source_(source) {}

  void read_document(const base::Value& document, const std::string& position) {
    const base::Value* kind = document.find("kind");
    const std::string* kind_text = kind == nullptr ? nullptr : kind->as_string();
    if (kind_text != nullptr && kind_text->ends_with("List")) {
      read_list(document, *kind_text, position);
    } else {
      read_one(document, {.source = source_, .position = position, .api_version = {}, .kind = {}});
    }
  }

  Manifest take() {
    manifest_.problems = problems_.take();
    return std::move(manifest_);
  }

 private:
  // "List" holds objects with types of their own; the items of "IngressList" may go without. Lists of
  // kinds that we do not read are read all the same: their items are counted as other kinds.
  void read_list(const base::Value& list, const std::string& kind, const std::string& position) {
    const base::Value* items = list.find("items");
    if (items == nullptr || items->is_null()) return;
    if (items->as_array() == nullptr) {
      report(position + ".items",
             "is of type " + std::string(base::to_string(items->type())) + ", not a list",
             "write a list of objects");
      return;
    }
    DocumentPlace place{.source = source_, .position = {}, .api_version = {}, .kind = {}};
    if (kind != "List") {
      place.kind = kind.substr(0, kind.size() - 4);
      const base::Value* api_version = list.find("apiVersion");
      if (api_version != nullptr && api_version->as_string() != nullptr)
        place.api_version = *api_version->as_string();
    }
    for (std::size_t i = 0; i < items->as_array()->size(); ++i) {
      place.position = position + ".items[" + std::to_string(i) + ']';
      read_one((*items->as_array())[i], place);
    }
  }

  void read_one(const base::Value& document, const DocumentPlace& place) {
    ReadResult result = read_object(document, place, problems_);
    if (result.outcome == ReadOutcome::kOtherKind) ++manifest_.num_other_kinds;
    if (result.object) manifest_.objects.push_back(std::move(*result.object));
  }

  void report(std::string field, std::string why, std::string fix) {
    problems_.add(
        {.source = source_, .field = std::move(field), .why = std::move(why), .fix = std::move(fix)});
  }

  const std::string& source_;
  Manifest manifest_;
  ProblemList problems_;
};

constexpr std::size_t kMaxErrorBytes = 300;

// Readers name what they stumble over, and that may be a password: of a text that holds a Secret only the
// line is shown.
std::string error_text(std::string_view text, const Error& error) {
  std::string_view detail = error.detail;
  if (text.find("Secret") != std::string_view::npos)
    detail = detail.starts_with("line ") ? detail.substr(0, detail.find(':')) : std::string_view();
  return std::string(error.what) + (detail.empty() ? "" : ": ") + shown(detail, kMaxErrorBytes);
}

Manifest unreadable(std::string_view text, const std::string& path, const Error& error) {
  Manifest manifest;
  manifest.is_readable = false;
  manifest.problems.push_back({.source = path,
                               .why = "cannot be read: " + error_text(text, error),
                               .fix = "mend the file; until then its last good objects stay in use"});
  return manifest;
}

}  // namespace

Manifest read_manifest(std::string_view text, const std::string& path) {
  ManifestReader reader(path);
  if (path.ends_with(".json")) {
    const auto document = base::read_json(text);
    if (!document) return unreadable(text, path, document.error());
    reader.read_document(*document, "document[0]");
    return reader.take();
  }
  const auto documents = base::read_yaml(text);
  if (!documents) return unreadable(text, path, documents.error());
  for (std::size_t i = 0; i < documents->size(); ++i)
    reader.read_document((*documents)[i], "document[" + std::to_string(i) + ']');
  return reader.take();
}

}  // namespace ingress::controller
