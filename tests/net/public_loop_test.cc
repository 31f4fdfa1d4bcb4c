#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "ingress/loop.h"

namespace {

using ingress::ErrorCode;
using ingress::Loop;
using std::chrono::milliseconds;
namespace fs = std::filesystem;

std::unique_ptr<Loop> make_loop() {
  return Loop::create().value();
}

// Fails the test when the loop runs for 30 s.
void run(Loop& loop) {
  bool is_late = false;
  const auto late = loop.after(std::chrono::seconds(30), [&] {
    is_late = true;
    loop.stop();
  });
  loop.run();
  REQUIRE_FALSE(is_late);
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/ingress-watch-XXXXXX";
    REQUIRE(::mkdtemp(name));
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

TEST_CASE("Posted calls come from any thread and stop() ends run()") {
  const auto loop = make_loop();
  int num_calls = 0;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) loop->post([&] { ++num_calls; });
    loop->post([&] { loop->stop(); });
  });
  run(*loop);
  other.join();
  CHECK(num_calls == 100);
}

TEST_CASE("after() fires once, every() again and again, and neither after its registration has gone") {
  const auto loop = make_loop();
  int num_once = 0;
  int num_every = 0;
  int num_never = 0;
  const auto once = loop->after(milliseconds(5), [&] { ++num_once; });
  auto never = loop->after(milliseconds(5), [&] { ++num_never; });
  never = Loop::Registration();
  CHECK_FALSE(never);
  const auto every = loop->every(milliseconds(10), [&] {
    if (++num_every == 5) loop->stop();
  });
  CHECK(num_once + num_every == 0);
  run(*loop);
  CHECK(num_once == 1);
  CHECK(num_every == 5);
  CHECK(num_never == 0);
}

TEST_CASE("A registration may be destroyed inside its own callback") {
  const auto loop = make_loop();
  TemporaryDirectory directory;
  write_file(directory / "file", "1");
  // Captured by the callbacks, so that freeing one early would be noticed.
  const auto shared = std::make_shared<int>(0);
  Loop::Registration once;
  Loop::Registration every;
  Loop::Registration watch;
  Loop::Registration signal;
  const auto count = [shared, &loop](Loop::Registration& registration) {
    registration = Loop::Registration();
    if (++*shared == 4) loop->stop();
  };
  once = loop->after(milliseconds(0), [&, count] { count(once); });
  every = loop->every(milliseconds(10), [&, count] { count(every); });
  watch = loop->watch_path((directory / "file").string(), [&, count] { count(watch); }).value();
  signal = loop->on_signal(SIGUSR1, [&, count] { count(signal); }).value();
  loop->post([&] {
    write_file(directory / "file", "2");
    ::kill(::getpid(), SIGUSR1);
  });
  run(*loop);
  CHECK(*shared == 4);
}

TEST_CASE("A signal is told each time, and its default action is back afterwards") {
  const auto loop = make_loop();
  int num_signals = 0;
  {
    const auto registration = loop->on_signal(SIGUSR2, [&] {
      if (++num_signals == 2) {
        loop->stop();
      } else {
        ::kill(::getpid(), SIGUSR2);
      }
    });
    REQUIRE(registration);
    loop->post([] { ::kill(::getpid(), SIGUSR2); });
    run(*loop);
  }
  CHECK(num_signals == 2);
  struct sigaction action{};
  sigaction(SIGUSR2, nullptr, &action);
  CHECK((action.sa_handler == SIG_DFL));
  const auto kill = loop->on_signal(SIGKILL, [] {});
  REQUIRE_FALSE(kill);
  CHECK(kill.error().code == ErrorCode::kInvalidArgument);
}

// Runs `change` and waits until the watch tells of it.
struct Watch {
  explicit Watch(const fs::path& path)
      : registration(loop->watch_path(path.string(), [this] { loop->stop(); }).value()) {}
  void expect_call(const std::function<void()>& change) {
    loop->post([&change] { change(); });
    run(*loop);
    // Further events of the same change must not count for the next one.
    bool is_quiet = false;
    while (!is_quiet) {
      const auto quiet = loop->after(milliseconds(30), [&] {
        is_quiet = true;
        loop->stop();
      });
      loop->run();
    }
  }
  std::unique_ptr<Loop> loop = make_loop();
  Loop::Registration registration;
};

TEST_CASE("A watched directory tells of files made, written, renamed and deleted") {
  TemporaryDirectory directory;
  fs::create_directory(directory / "d");
  Watch watch(directory / "d");
  watch.expect_call([&] { write_file(directory / "d/a.yaml", "1"); });
  watch.expect_call([&] { write_file(directory / "d/a.yaml", "2"); });
  watch.expect_call([&] {
    write_file(directory / "b.yaml", "3"), fs::rename(directory / "b.yaml", directory / "d/a.yaml");
  });
  watch.expect_call([&] { fs::remove(directory / "d/a.yaml"); });
}

TEST_CASE("A watch survives the directory being replaced or made anew") {
  TemporaryDirectory directory;
  fs::create_directory(directory / "d");
  Watch watch(directory / "d");
  watch.expect_call([&] {
    fs::rename(directory / "d", directory / "old");
    fs::create_directory(directory / "d");
  });
  watch.expect_call([&] { write_file(directory / "d/a.yaml", "1"); });
  watch.expect_call([&] { fs::remove_all(directory / "d"); });
  watch.expect_call([&] { fs::create_directory(directory / "d"); });
  watch.expect_call([&] { write_file(directory / "d/a.yaml", "2"); });
}

TEST_CASE("A watch survives a file being renamed over") {
  TemporaryDirectory directory;
  write_file(directory / "f", "1");
  Watch watch(directory / "f");
  for (int i = 0; i < 3; ++i) {
    watch.expect_call([&] {
      write_file(directory / "new", "2");
      fs::rename(directory / "new", directory / "f");
    });
    watch.expect_call([&] { write_file(directory / "f", "in place"); });
  }
}

TEST_CASE("A watch follows symlinks that turn, as those of a mounted ConfigMap do") {
  TemporaryDirectory directory;
  for (const std::string version : {"v1", "v2"}) {
    fs::create_directory(directory / version);
    write_file(directory / (version + "/file"), version);
  }
  fs::create_symlink("v1", directory / "..data");
  fs::create_symlink("..data/file", directory / "file");
  fs::create_symlink("v1", directory / "link");
  const auto turn = [&](const std::string& name, const std::string& target) {
    fs::create_symlink(target, directory / "tmp");
    fs::rename(directory / "tmp", directory / name);
  };
  SUBCASE("the path itself") {
    Watch watch(directory / "link");
    watch.expect_call([&] { turn("link", "v2"); });
    watch.expect_call([&] { write_file(directory / "v2/other", "x"); });
  }
  SUBCASE("on the way") {
    Watch watch(directory / "file");
    watch.expect_call([&] { turn("..data", "v2"); });
    watch.expect_call([&] { write_file(directory / "v2/file", "x"); });
  }
}

TEST_CASE("What happens beside a watched file is not told") {
  TemporaryDirectory directory;
  write_file(directory / "f", "1");
  const auto loop = make_loop();
  int num_calls = 0;
  const auto watch = loop->watch_path((directory / "f").string(), [&] { ++num_calls; });
  REQUIRE(watch);
  loop->post([&] { write_file(directory / "g", "1"); });
  const auto end = loop->after(milliseconds(50), [&] { loop->stop(); });
  run(*loop);
  CHECK(num_calls == 0);
}

TEST_CASE("A path that is not there cannot be watched") {
  const auto loop = make_loop();
  const auto watch = loop->watch_path("/nonexistent/path", [] {});
  REQUIRE_FALSE(watch);
  CHECK(watch.error().code == ErrorCode::kIo);
  CHECK(watch.error().detail.starts_with("/nonexistent/path: "));
}

}  // namespace
