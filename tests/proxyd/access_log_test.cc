#include "proxyd/access_log.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "proxyd/log_file.h"
#include "proxyd/temp_folder.h"

namespace proxyd {
namespace {

ingress::ExchangeRecord record_of(const std::string& path) {
  ingress::ExchangeRecord record;
  record.path = path;
  record.status = 200;
  return record;
}

long num_lines(const std::string& text) {
  return std::ranges::count(text, '\n');
}

// The writer has no other outside sign than the file itself.
template <typename Condition>
void wait_until(Condition is_true) {
  while (!is_true()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST_CASE("EveryLineOfEveryWorkerArrivesWhole") {
  TempFolder folder;
  constexpr unsigned kWorkers = 4;
  constexpr int kNumEach = 5000;
  std::uint64_t num_dropped = 0;
  {
    auto log = AccessLog::create({.target = folder.path("log"), .workers = kWorkers, .log = {}});
    REQUIRE(log);
    std::vector<std::thread> workers;
    for (unsigned worker = 0; worker < kWorkers; ++worker)
      workers.emplace_back([&log, worker] {
        for (int i = 0; i < kNumEach; ++i)
          (*log)->write(worker, record_of("/" + std::to_string(worker) + "/" + std::to_string(i)));
      });
    for (std::thread& worker : workers) worker.join();
    num_dropped = (*log)->num_dropped();
  }
  const std::string text = folder.read("log");
  CHECK(static_cast<std::uint64_t>(num_lines(text)) + num_dropped == kWorkers * kNumEach);
  std::size_t start = 0;
  bool all_whole = true;
  for (std::size_t end; (end = text.find('\n', start)) != std::string::npos; start = end + 1)
    all_whole = all_whole && text.compare(start, 9, "{\"time\":\"") == 0 && text[end - 1] == '}';
  CHECK(all_whole);
}

// A FIFO whose reader reads nothing: writes succeed until the kernel's buffer is full, then block.
TEST_CASE("BlockedTargetDropsLinesAndBlocksNobody") {
  std::signal(SIGPIPE, SIG_IGN);  // as the daemon does
  TempFolder folder;
  REQUIRE(mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  const int reader = open(folder.path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  {
    auto log = AccessLog::create({.target = folder.path("pipe"), .ring_bytes = 1 << 16, .log = {}});
    REQUIRE(log);
    // More than pipe (64 KiB) and ring (64 KiB) hold together, so that some must be dropped.
    for (int i = 0; i < 10'000; ++i) (*log)->write(0, record_of("/" + std::to_string(i)));
    CHECK((*log)->num_dropped() > 0);
    // The end of the scope must not hang; the reader is still not reading.
  }
  close(reader);
}

TEST_CASE("ReopensItsPathBetweenLines") {
  TempFolder folder;
  auto log = AccessLog::create({.target = folder.path("log"), .log = {}});
  REQUIRE(log);
  (*log)->write(0, record_of("/before"));
  wait_until([&] { return num_lines(folder.read("log")) == 1; });
  folder.rename("log", "log.1");
  (*log)->reopen();
  wait_until([&] { return std::filesystem::exists(folder.path("log")); });
  (*log)->write(0, record_of("/after"));
  log->reset();
  CHECK(folder.read("log.1").find("/before") != std::string::npos);
  CHECK(folder.read("log").find("/after") != std::string::npos);
  CHECK(num_lines(folder.read("log.1")) == 1);
}

TEST_CASE("FailingReopenKeepsTheOldFileAndSaysSo") {
  TempFolder folder;
  std::promise<std::string> said;
  auto log = AccessLog::create({.target = folder.path("sub/log"),
                                .log = [&](std::string_view line) { said.set_value(std::string(line)); }});
  REQUIRE(!log);  // the folder is not there yet
  folder.write("sub/log", "");
  log = AccessLog::create({.target = folder.path("sub/log"),
                           .log = [&](std::string_view line) { said.set_value(std::string(line)); }});
  REQUIRE(log);
  folder.rename("sub", "moved");
  (*log)->reopen();
  CHECK(said.get_future().get().find("stays in use") != std::string::npos);
  (*log)->write(0, record_of("/kept"));
  log->reset();
  CHECK(folder.read("moved/log").find("/kept") != std::string::npos);
}

TEST_CASE("TargetsThatCannotBeOpenedAreErrors") {
  TempFolder folder;
  REQUIRE(mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  CHECK(!LogFile::open(folder.path()));        // a folder
  CHECK(!LogFile::open(folder.path("pipe")));  // a FIFO without reader must not hang
  CHECK(!LogFile::open(folder.path("no/where")));
}

TEST_CASE("AfterAFailedWriteTheNextLineStartsAfresh") {
  std::signal(SIGPIPE, SIG_IGN);
  TempFolder folder;
  REQUIRE(mkfifo(folder.path("pipe").c_str(), 0600) == 0);
  int reader = open(folder.path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  auto file = LogFile::open(folder.path("pipe"));
  REQUIRE(file);
  const auto write = [&](std::string text) {
    iovec piece{text.data(), text.size()};
    return file->write(std::span(&piece, 1));
  };
  CHECK(write("torn") == 4);
  CHECK(write("next\n") == 5);
  char text[64];
  const ssize_t size = read(reader, text, sizeof text);
  CHECK(std::string(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))) == "torn\nnext\n");
  close(reader);
  CHECK(write("lost\n") == 0);
}

}  // namespace
}  // namespace proxyd
