// The access log: one JSON line per exchange or stream, formatted by the worker, written by one thread of its
// own.
//
// Owner: the daemon; shared with the Server. Threads: write() and write_stream() on each worker's, the rest
// on any. Caller: worker indexes below the number given to create(). Always true: these two never wait and
// make no system call, save one wake-up when its ring passes the half. What finds its ring full, or cannot be
// written, is dropped and counted.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ingress/access_log.h"
#include "proxyd/log_file.h"

namespace proxyd {

class AccessLog final : public ingress::AccessLog {
 public:
  struct Options {
    std::string target = "stdout";  // a path or "stdout"
    LogFile::Open open = {};        // as of LogFile::open(); called on the writer's thread later
    unsigned workers = 1;
    std::size_t ring_bytes = 1 << 20;  // per worker; a power of two
    // Told about failing writes and reopenings, on the writer's thread. Must be safe to call for as long
    // as the process lives: a writer stuck in a dead disk outlives this object.
    std::function<void(std::string_view line)> log;
  };
  // Opens the target and starts the writer. Fails with a sentence.
  static std::expected<std::shared_ptr<AccessLog>, std::string> create(Options options);
  // Writes what waits, for at most a second: a blocked target must not keep the process from ending.
  ~AccessLog() override;

  void write(unsigned worker, const ingress::ExchangeRecord& record) override;
  void write_stream(unsigned worker, const ingress::StreamRecord& record) override;
  // Has the writer open its path anew, between two lines.
  void reopen();
  // Lines lost so far.
  std::uint64_t num_dropped() const;

 private:
  struct State;
  explicit AccessLog(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace proxyd
