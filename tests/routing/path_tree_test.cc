#include "routing/path_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "routing/precedence.h"
#include "routing/random_routes.h"

using namespace ingress;
using namespace ingress::routing;
using ingress::test::RandomChoices;
using ingress::test::Request;

namespace {

// Rules for any paths, each with one match, all without conditions unless said otherwise.
class Rules {
 public:
  MatchEntry make(PathMatch path, std::string method = {}) {
    Route route{.name = std::to_string(routes_.size())};
    route.rules.emplace_back().matches.push_back({.path = std::move(path), .method = std::move(method)});
    routes_.push_back(
        std::make_unique<CompiledRoute>(std::make_shared<const Route>(std::move(route)), *slots_));
    return MatchEntry::of(routes_.back()->rules()[0], 0);
  }

 private:
  std::shared_ptr<ClusterSlots> slots_ = ClusterSlots::create();
  std::vector<std::unique_ptr<CompiledRoute>> routes_;
};

void add(PathTree& tree, const MatchEntry& entry) {
  tree.edit(path_key(entry.match->path), entry.match->path.type, {}, std::array{entry});
}
void remove(PathTree& tree, const MatchEntry& entry) {
  tree.edit(path_key(entry.match->path), entry.match->path.type, std::array{entry}, {});
}

// The path value of the rule that wins, with '=' before an exact one; empty when none does.
std::string winner(const PathTree& tree, std::string path) {
  const Request request{.path = std::move(path)};
  const CompiledRule* rule = tree.match(request.head());
  if (rule == nullptr) return {};
  const PathMatch& match = rule->value->matches[0].path;
  return (match.type == PathMatchType::kExact ? "=" : "") + match.value;
}

std::string dump(const PathTree& tree) {
  std::string out;
  tree.dump(out);
  return out;
}

std::size_t num_nodes(const PathTree& tree) {
  std::vector<const void*> nodes;
  tree.collect_nodes(nodes);
  return nodes.size();
}

}  // namespace

// The table of "Examples" under "Path types" on the Ingress page of the Kubernetes documentation.
TEST_CASE("Paths match as the Kubernetes Ingress page says") {
  struct Row {
    std::vector<PathMatch> paths;
    std::string_view request;
    std::string_view winner;
  };
  const auto exact = [](std::string_view path) { return PathMatch::exact(path); };
  const auto prefix = [](std::string_view path) { return PathMatch::prefix(path); };
  const Row rows[] = {
      {{prefix("/")}, "/any/path", "/"},
      {{exact("/foo")}, "/foo", "=/foo"},
      {{exact("/foo")}, "/bar", ""},
      {{exact("/foo")}, "/foo/", ""},
      {{exact("/foo/")}, "/foo", ""},
      {{prefix("/foo")}, "/foo", "/foo"},
      {{prefix("/foo")}, "/foo/", "/foo"},
      {{prefix("/foo/")}, "/foo", "/foo/"},
      {{prefix("/foo/")}, "/foo/", "/foo/"},
      {{prefix("/aaa/bb")}, "/aaa/bbb", ""},
      {{prefix("/aaa/bbb")}, "/aaa/bbb", "/aaa/bbb"},
      {{prefix("/aaa/bbb/")}, "/aaa/bbb", "/aaa/bbb/"},
      {{prefix("/aaa/bbb")}, "/aaa/bbb/", "/aaa/bbb"},
      {{prefix("/aaa/bbb")}, "/aaa/bbb/ccc", "/aaa/bbb"},
      {{prefix("/aaa/bbb")}, "/aaa/bbbxyz", ""},
      {{prefix("/"), prefix("/aaa")}, "/aaa/ccc", "/aaa"},
      {{prefix("/"), prefix("/aaa"), prefix("/aaa/bbb")}, "/aaa/bbb", "/aaa/bbb"},
      {{prefix("/"), prefix("/aaa"), prefix("/aaa/bbb")}, "/ccc", "/"},
      {{prefix("/aaa")}, "/ccc", ""},
      {{prefix("/foo"), exact("/foo")}, "/foo", "=/foo"},
      // Beyond the page: empty segments are segments, bytes are bytes, and "*" is only for the root.
      {{prefix("/foo//")}, "/foo", ""},
      {{prefix("/foo//")}, "/foo/", "/foo//"},
      {{prefix("/foo")}, "/foo//bar", "/foo"},
      {{prefix("/"), prefix("//")}, "//x", "//"},
      {{prefix("//")}, "/x", ""},
      {{prefix("/a")}, "/%61", ""},
      {{prefix("/a%2Fb")}, "/a/b", ""},
      {{prefix("/")}, "*", "/"},
      {{prefix("/a")}, "*", ""},
      {{prefix("/\xc3\xa9"), prefix("/\xc3")}, "/\xc3/x", "/\xc3"},
  };
  for (const Row& row : rows) {
    Rules rules;
    PathTree tree;
    for (const PathMatch& path : row.paths) add(tree, rules.make(path));
    CAPTURE(row.paths[0].value);
    CAPTURE(row.request);
    CHECK(winner(tree, std::string(row.request)) == row.winner);
  }
}

TEST_CASE("When the conditions of the longest path fail, shorter prefixes are asked") {
  Rules rules;
  PathTree tree;
  add(tree, rules.make(PathMatch::exact("/a/b/c"), "POST"));
  add(tree, rules.make(PathMatch::prefix("/a/b/c"), "PUT"));
  add(tree, rules.make(PathMatch::prefix("/a/b"), "DELETE"));
  CHECK(winner(tree, "/a/b/c").empty());
  add(tree, rules.make(PathMatch::prefix("/a")));
  CHECK(winner(tree, "/a/b/c") == "/a");
}

TEST_CASE("More failing prefixes than are remembered in one walk still fall back to the shortest") {
  Rules rules;
  PathTree tree;
  add(tree, rules.make(PathMatch::prefix("/")));
  std::string path;
  for (int i = 0; i < 100; ++i) {
    add(tree, rules.make(PathMatch::prefix(path += "/s"), "POST"));
    CHECK(winner(tree, path) == "/");
  }
  add(tree, rules.make(PathMatch::prefix("/s/s/s")));
  CHECK(winner(tree, path) == "/s/s/s");
  add(tree, rules.make(PathMatch::prefix(path)));
  CHECK(winner(tree, path + "/x") == path);
}

TEST_CASE("A tree as deep as its path is long is walked, dumped and freed without recursion") {
  Rules rules;
  PathTree tree;
  const std::string path = "/" + std::string(15'999, 'a');
  // The longest first: each edit ends at the root, so that building is not quadratic in the depth.
  for (std::size_t bytes = path.size(); bytes > 0; --bytes) {
    add(tree, rules.make(PathMatch::exact(path.substr(0, bytes))));
  }
  CHECK(num_nodes(tree) == 16'000);
  CHECK(winner(tree, path) == "=" + path);
  const PathTree copy = tree;
  add(tree, rules.make(PathMatch::exact(path + "b")));
  CHECK(winner(copy, path + "b").empty());
  CHECK(winner(tree, path + "b") == "=" + path + "b");
}

TEST_CASE("All 256 bytes can follow each other, and an edit leaves copies as they were") {
  Rules rules;
  PathTree tree;
  std::vector<MatchEntry> entries;
  std::vector<PathTree> versions;
  for (int byte = 255; byte >= 0; --byte) {
    versions.push_back(tree);
    entries.push_back(rules.make(PathMatch::exact("/" + std::string(1, static_cast<char>(byte)))));
    add(tree, entries.back());
  }
  CHECK(num_nodes(tree) == 257);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string& path = entries[i].match->path.value;
    CHECK(winner(tree, path) == "=" + path);
    CHECK(winner(versions[i], path).empty());
    if (i > 0) CHECK_FALSE(winner(versions[i], entries[i - 1].match->path.value).empty());
  }
  for (const MatchEntry& entry : entries) remove(tree, entry);
  CHECK(tree.is_empty());
}

TEST_CASE("Equal content gives equal structure whatever the order of edits") {
  RandomChoices choose(7);
  for (int round = 0; round < 2'000; ++round) {
    CAPTURE(round);
    Rules rules;
    PathTree tree;
    std::vector<MatchEntry> present;
    PathTree kept;  // an old version, which makes some edits copy
    std::string kept_dump;
    for (std::uint32_t step = choose(30); step > 0; --step) {
      if (!present.empty() && choose(3) == 0) {
        const std::size_t at = choose(static_cast<std::uint32_t>(present.size()));
        remove(tree, present[at]);
        present.erase(present.begin() + static_cast<std::ptrdiff_t>(at));
      } else {
        const std::string path = test::random_path(choose);
        present.push_back(rules.make(choose(2) == 0 ? PathMatch::exact(path) : PathMatch::prefix(path)));
        add(tree, present.back());
      }
      if (choose(4) == 0) {
        kept = tree;
        kept_dump = dump(tree);
      }
    }
    PathTree fresh;
    for (std::size_t i = present.size(); i-- > 0;) add(fresh, present[i]);
    REQUIRE(dump(tree) == dump(fresh));
    REQUIRE(dump(kept) == kept_dump);
  }
}

TEST_CASE("Removing what is absent changes nothing") {
  Rules rules;
  PathTree tree;
  const MatchEntry absent = rules.make(PathMatch::exact("/a"));
  remove(tree, absent);
  CHECK(tree.is_empty());
  add(tree, rules.make(PathMatch::exact("/ab")));
  add(tree, rules.make(PathMatch::exact("/ac")));
  const std::string before = dump(tree);
  remove(tree, absent);
  remove(tree, rules.make(PathMatch::prefix("/ab")));
  remove(tree, rules.make(PathMatch::exact("/abc")));
  CHECK(dump(tree) == before);
}

TEST_CASE("An edit of a copy replaces the nodes on its path and no others") {
  Rules rules;
  PathTree tree;
  for (int i = 0; i < 10'000; ++i) add(tree, rules.make(PathMatch::prefix("/" + std::to_string(i))));
  const PathTree old = tree;
  add(tree, rules.make(PathMatch::exact("/5000/x")));
  std::vector<const void*> before, after, fresh;
  old.collect_nodes(before);
  tree.collect_nodes(after);
  std::ranges::sort(before);
  std::ranges::sort(after);
  std::ranges::set_difference(after, before, std::back_inserter(fresh));
  CHECK(fresh.size() <= 6);
}
