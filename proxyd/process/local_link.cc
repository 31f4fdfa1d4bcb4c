#include "proxyd/process/local_link.h"

#include <chrono>
#include <string>
#include <utility>

#include "proxyd/log.h"

namespace proxyd {
namespace {

// Short: the other end is there again as soon as its process is. Not nothing: one that ends at once must not
// keep this process busy.
constexpr std::chrono::milliseconds kPause{20};

// Says when whoever has it lets go of it, which is what its end comes to.
class WatchedStream final : public ingress::Stream {
 public:
  WatchedStream(std::unique_ptr<ingress::Stream> stream, std::weak_ptr<std::function<void()>> on_gone)
      : stream_(std::move(stream)), on_gone_(std::move(on_gone)) {}
  ~WatchedStream() override {
    if (const auto call = on_gone_.lock()) (*call)();
  }
  void start(ingress::StreamEvents& events) override { stream_->start(events); }
  void write(std::string bytes) override { stream_->write(std::move(bytes)); }
  std::size_t queued_bytes() const override { return stream_->queued_bytes(); }
  void pause() override { stream_->pause(); }
  void resume() override { stream_->resume(); }
  std::string peer() const override { return stream_->peer(); }

 private:
  std::unique_ptr<ingress::Stream> stream_;
  std::weak_ptr<std::function<void()>> on_gone_;
};

}  // namespace

LocalLink::LocalLink(ingress::Loop& loop, SupervisorClient& supervisor, OnStream on_stream)
    : loop_(loop), supervisor_(supervisor), on_stream_(std::move(on_stream)) {}

void LocalLink::open() {
  const auto fd = supervisor_.open_link();
  if (!fd) {
    log_line("the link between the processes: " + fd.error());
    return open_soon();
  }
  auto stream = ingress::adopt_stream(loop_, *fd);
  if (!stream) {
    log_line("the link between the processes: " + stream.error().text());
    return open_soon();
  }
  on_gone_ = std::make_shared<std::function<void()>>([this] { open_soon(); });
  on_stream_(std::make_unique<WatchedStream>(std::move(*stream), on_gone_));
}

void LocalLink::open_soon() {
  timer_ = loop_.after(kPause, [this] { open(); });
}

}  // namespace proxyd
