// Answers of an API server of any bytes. The first byte chooses the kind, the form and which answer it is.
// Holds: nothing crashes, problems are bounded and printable, every item has a name that may stand in a path
// and what is read of it stays with its key; a text that a plain reader refuses as a whole gives no list.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "base/json_splitter.h"
#include "controller/kube_json.h"
#include "controller/problem_list.h"

using namespace ingress;
using namespace ingress::controller;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_printable(std::string_view text) {
  return text.size() < 4096 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

void check_problems(const std::vector<Problem>& problems) {
  for (const Problem& problem : problems) {
    require(problem.source == "cluster");
    for (const std::string* text : {&problem.field, &problem.why, &problem.fix, &problem.object.name})
      require(is_printable(*text));
  }
}

void check_item(const KubeItem& item, const std::string& kind, KubeForm form) {
  const ObjectKey& key = item.read.key;
  require(!key.name.empty() && key.kind == kind);
  for (const std::string* text : {&key.name, &key.namespace_})
    require(text->find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos);
  require(!item.read.object || key_of(*item.read.object) == key);
  require(form == KubeForm::kWhole ? item.read.object || !item.read.problems.empty() : !item.read.object);
  require(item.read.problems.size() <= ProblemList::kMaxPerObject + 2);
  check_problems(item.read.problems);
}

// The pieces of a text are what a reader of the whole finds, whenever there is a whole.
void check_pieces(std::string_view text) {
  const auto whole = base::read_json(text);
  if (!whole || whole->as_object() == nullptr || text.starts_with("\xef\xbb\xbf")) return;
  base::JsonSplitter splitter(text);
  base::JsonSplitter::Piece piece;
  std::size_t num_pieces = 0;
  for (; splitter.next(piece); ++num_pieces) {
    const auto value = base::read_json(piece.value);
    require(value && whole->find(piece.key) != nullptr && *value == *whole->find(piece.key));
  }
  require(!splitter.is_complete() || num_pieces == whole->as_object()->size());
  require(splitter.is_complete() || text.find('\\') != std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::array<std::string, 5> kinds{"Ingress", "IngressClass", "Service", "EndpointSlice", "Secret"};
  const std::string& kind = kinds[data[0] % kinds.size()];
  const KubeForm form = (data[0] & 0x40) != 0 ? KubeForm::kMetadata : KubeForm::kWhole;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_pieces(text);
  if (const auto list = read_kube_list(text, kind, form)) {
    require(!list->resource_version.empty());
    for (const KubeItem& item : list->items) check_item(item, kind, form);
    check_problems(list->problems);
  }
  if (const auto event = read_kube_event(text, kind, form)) {
    require(event->type == KubeEventType::kError || !event->item.resource_version.empty());
    if (event->has_key()) {
      const bool is_whole = event->type == KubeEventType::kUpsert && form == KubeForm::kWhole;
      check_item(event->item, kind, is_whole ? KubeForm::kWhole : KubeForm::kMetadata);
    }
    check_problems(event->problems);
    require(is_printable(event->status.message) && is_printable(event->status.reason));
  }
  if (const auto item = read_kube_object(text, kind)) check_item(*item, kind, KubeForm::kWhole);
  require(is_printable(read_kube_status(text).message));
  return 0;
}
