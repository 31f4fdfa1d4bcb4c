#include "proxyd/file_scanner.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "proxyd/temp_folder.h"

namespace proxyd {
namespace {

using std::chrono::milliseconds;

class RecordingSink final : public FileSink {
 public:
  void update_file(const std::string& source, std::string text) override {
    events.push_back("update " + source + " " + text);
  }
  void refuse_file(const std::string& source, std::string why, std::string fix) override {
    CHECK(!fix.empty());
    events.push_back("refuse " + source + " " + why);
  }
  void remove_file(const std::string& source) override { events.push_back("remove " + source); }
  void refuse_folder(std::string why) override { events.push_back("folder " + why); }

  std::vector<std::string> events;
};

using Events = std::vector<std::string>;

// A scanner whose time passes only by the test's word.
struct Scene {
  TempFolder folder;
  FileScanner scanner{folder.path(), std::nullopt};
  FileScanner::Clock::time_point now{};
  std::optional<FileScanner::Clock::duration> wait;

  // Lets `passed` go by and scans; returns what was reported.
  Events after(milliseconds passed) {
    now += passed;
    RecordingSink sink;
    wait = scanner.scan(now, sink);
    return sink.events;
  }
  // Scans until nothing is unsettled.
  Events settle() {
    Events all = after(milliseconds(0));
    while (wait) {
      const Events more = after(std::chrono::ceil<milliseconds>(*wait));
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }
};

TEST_CASE("FileCountsOnceItHasBeenEqualForAHundredMilliseconds") {
  Scene scene;
  CHECK(scene.after(milliseconds(0)).empty());
  CHECK(!scene.wait);
  scene.folder.write("a.yaml", "one");
  CHECK(scene.after(milliseconds(0)).empty());
  CHECK(scene.wait == milliseconds(100));
  CHECK(scene.after(milliseconds(99)).empty());
  CHECK(scene.wait == milliseconds(1));
  CHECK(scene.after(milliseconds(1)) == Events{"update a.yaml one"});
  CHECK(!scene.wait);
  CHECK(scene.after(milliseconds(1000)).empty());
}

TEST_CASE("HalfWrittenFileChangesNothing") {
  Scene scene;
  scene.folder.write("a.yaml", "old");
  scene.settle();
  scene.folder.write("a.yaml", "first ha");
  CHECK(scene.after(milliseconds(0)).empty());
  scene.folder.write("a.yaml", "first half and second");
  CHECK(scene.after(milliseconds(90)).empty());  // grew: waits anew
  CHECK(scene.after(milliseconds(90)).empty());
  CHECK(scene.after(milliseconds(10)) == Events{"update a.yaml first half and second"});
}

TEST_CASE("OnlyManifestsDirectlyInTheFolderAreRead") {
  Scene scene;
  for (const char* name :
       {"a.yaml", "b.yml", "c.json", ".hidden.yaml", "d.txt", "yaml", "e.yaml~", "f.yaml.swp", "sub/g.yaml"})
    scene.folder.write(name, "x");
  CHECK(scene.settle() == Events{"update a.yaml x", "update b.yml x", "update c.json x"});
}

TEST_CASE("RenamingOverAFileChangesIt") {
  Scene scene;
  scene.folder.write("a.yaml", "one");
  scene.settle();
  scene.folder.write(".a.yaml.tmp", "two");
  scene.folder.rename(".a.yaml.tmp", "a.yaml");
  CHECK(scene.settle() == Events{"update a.yaml two"});
}

TEST_CASE("SwappingTheSymlinkOfAMountedConfigMapChangesAllFilesAtOnce") {
  Scene scene;
  scene.folder.write("..v1/a.yaml", "a1");
  scene.folder.write("..v1/b.yaml", "b1");
  scene.folder.link("..v1", "..data");
  scene.folder.link("..data/a.yaml", "a.yaml");
  scene.folder.link("..data/b.yaml", "b.yaml");
  CHECK(scene.settle() == Events{"update a.yaml a1", "update b.yaml b1"});
  scene.folder.write("..v2/a.yaml", "a2");
  scene.folder.write("..v2/b.yaml", "b2");
  scene.folder.link("..v2", "..data_tmp");
  scene.folder.rename("..data_tmp", "..data");
  CHECK(scene.after(milliseconds(0)).empty());
  CHECK(scene.after(milliseconds(100)) == Events{"update a.yaml a2", "update b.yaml b2"});
}

TEST_CASE("DeletedFileIsRemovedOnceItHasStayedAway") {
  Scene scene;
  scene.folder.write("a.yaml", "one");
  scene.settle();
  scene.folder.remove("a.yaml");
  CHECK(scene.after(milliseconds(0)).empty());
  CHECK(scene.after(milliseconds(99)).empty());
  CHECK(scene.after(milliseconds(1)) == Events{"remove a.yaml"});
  scene.folder.write("a.yaml", "two");
  CHECK(scene.settle() == Events{"update a.yaml two"});
}

TEST_CASE("EditorThatMovesAwayAndWritesAnewDropsNothing") {
  Scene scene;
  scene.folder.write("a.yaml", "one");
  scene.settle();
  scene.folder.rename("a.yaml", "a.yaml~");
  CHECK(scene.after(milliseconds(0)).empty());
  scene.folder.write("a.yaml", "two");
  CHECK(scene.after(milliseconds(99)).empty());
  CHECK(scene.after(milliseconds(100)) == Events{"update a.yaml two"});
}

TEST_CASE("FileThatComesAndGoesUnsettledIsNeverMentioned") {
  Scene scene;
  scene.folder.write("a.yaml", "one");
  scene.after(milliseconds(0));
  scene.folder.remove("a.yaml");
  CHECK(scene.settle().empty());
}

TEST_CASE("WhatIsNotAReadableFileIsRefused") {
  Scene scene;
  scene.folder.link("loop.yaml", "loop.yaml");
  scene.folder.link("nowhere", "dangling.yaml");
  scene.folder.write("folder.yaml/x", "");
  REQUIRE(mkfifo(scene.folder.path("pipe.yaml").c_str(), 0600) == 0);
  scene.folder.write("large.yaml", "");
  REQUIRE(truncate(scene.folder.path("large.yaml").c_str(), FileScanner::kMaxManifestBytes + 1) == 0);
  CHECK(scene.settle() == Events{"refuse dangling.yaml cannot read the file: No such file or directory",
                                 "refuse folder.yaml not a regular file",
                                 "refuse large.yaml larger than 9437184 bytes",
                                 "refuse loop.yaml cannot read the file: Too many levels of symbolic links",
                                 "refuse pipe.yaml not a regular file"});
  CHECK(scene.after(milliseconds(1000)).empty());  // said once
}

TEST_CASE("FileAtTheCapIsRead") {
  Scene scene;
  scene.folder.write("a.yaml", std::string(FileScanner::kMaxManifestBytes, 'x'));
  const Events events = scene.settle();
  REQUIRE(events.size() == 1);
  CHECK(events[0].size() == FileScanner::kMaxManifestBytes + std::string("update a.yaml ").size());
}

TEST_CASE("PermissionsThatComeBackAreNoticed") {
  if (geteuid() == 0) return;  // root reads everything
  Scene scene;
  scene.folder.write("a.yaml", "one");
  chmod(scene.folder.path("a.yaml").c_str(), 0);
  CHECK(scene.settle() == Events{"refuse a.yaml cannot read the file: Permission denied"});
  chmod(scene.folder.path("a.yaml").c_str(), 0644);
  CHECK(scene.settle() == Events{"update a.yaml one"});
}

TEST_CASE("FolderThatVanishesKeepsItsFilesAndSaysSoOnce") {
  Scene scene;
  const std::string moved = scene.folder.path() + "-moved";
  scene.folder.write("a.yaml", "one");
  scene.settle();
  std::filesystem::rename(scene.folder.path(), moved);
  CHECK(scene.after(milliseconds(0)) == Events{"folder cannot open the folder: No such file or directory"});
  CHECK(scene.after(milliseconds(1000)).empty());
  std::filesystem::rename(moved, scene.folder.path());
  CHECK(scene.settle() == Events{"folder "});
}

TEST_CASE("ForgettingReportsEverythingAgainAtOnce") {
  Scene scene;
  scene.folder.write("a.yaml", "one");
  scene.folder.link("nowhere", "b.yaml");
  scene.settle();
  scene.scanner.forget_reported();
  CHECK(scene.after(milliseconds(1)) ==
        Events{"update a.yaml one", "refuse b.yaml cannot read the file: No such file or directory"});
  CHECK(scene.after(milliseconds(1)).empty());
}

TEST_CASE("RemovalIsStillOwedAfterForgetting") {
  Scene scene;
  scene.folder.write("a.yaml", "one");
  scene.settle();
  scene.scanner.forget_reported();
  scene.folder.remove("a.yaml");
  CHECK(scene.settle() == Events{"remove a.yaml"});
}

TEST_CASE("SingleFileIsWatchedByNameWhateverItsEnding") {
  TempFolder folder;
  FileScanner scanner(folder.path(), "proxyd.conf", milliseconds(0));
  folder.write("proxyd.conf", "one");
  folder.write("other.yaml", "x");
  RecordingSink sink;
  scanner.scan({}, sink);
  CHECK(sink.events == Events{"update proxyd.conf one"});
  folder.remove("proxyd.conf");
  sink.events.clear();
  scanner.scan({}, sink);
  CHECK(sink.events == Events{"refuse proxyd.conf cannot read the file: No such file or directory"});
}

}  // namespace
}  // namespace proxyd
