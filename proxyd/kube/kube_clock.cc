#include "proxyd/kube/kube_clock.h"

#include <random>
#include <utility>

namespace proxyd {
namespace {

class LoopClock final : public KubeClock {
 public:
  explicit LoopClock(ingress::Loop& loop) : loop_(loop) {}
  Time now() const override { return std::chrono::steady_clock::now(); }
  std::unique_ptr<Timer> after(std::chrono::milliseconds delay,
                               std::move_only_function<void()> call) override {
    return std::make_unique<LoopTimer>(loop_.after(delay, std::move(call)));
  }
  double random() override { return std::uniform_real_distribution<double>(0, 1)(engine_); }

 private:
  class LoopTimer final : public Timer {
   public:
    explicit LoopTimer(ingress::Loop::Registration registration) : registration_(std::move(registration)) {}

   private:
    ingress::Loop::Registration registration_;
  };
  ingress::Loop& loop_;
  std::mt19937_64 engine_{std::random_device{}()};
};

}  // namespace

std::unique_ptr<KubeClock> make_loop_clock(ingress::Loop& loop) {
  return std::make_unique<LoopClock>(loop);
}

}  // namespace proxyd
