// An API server and a clock that do what a test says.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxyd/kube/kube_clock.h"
#include "proxyd/kube/kube_transport.h"

namespace proxyd::test {

class FakeKubeClock final : public KubeClock {
 public:
  Time now() const override { return now_; }
  std::unique_ptr<Timer> after(std::chrono::milliseconds delay,
                               std::move_only_function<void()> call) override {
    auto entry = std::make_shared<Entry>(Entry{now_ + delay, ++num_made_, std::move(call)});
    entries_.push_back(entry);
    return std::make_unique<FakeTimer>(*this, entry);
  }
  double random() override { return random_; }
  void set_random(double value) { random_ = value; }

  // Lets time pass, timer by timer.
  void pass(std::chrono::milliseconds time) {
    const Time end = now_ + time;
    while (true) {
      const auto next = std::ranges::min_element(
          entries_, {}, [](const auto& entry) { return std::pair(entry->due, entry->number); });
      if (next == entries_.end() || (*next)->due > end) break;
      const std::shared_ptr<Entry> entry = std::move(*next);
      entries_.erase(next);
      now_ = std::max(now_, entry->due);
      entry->call();
    }
    now_ = end;
  }
  std::size_t num_timers() const { return entries_.size(); }

 private:
  struct Entry {
    Time due;
    unsigned number;
    std::move_only_function<void()> call;
  };
  class FakeTimer final : public Timer {
   public:
    FakeTimer(FakeKubeClock& clock, std::shared_ptr<Entry> entry) : clock_(clock), entry_(std::move(entry)) {}
    ~FakeTimer() override { std::erase(clock_.entries_, entry_); }

   private:
    FakeKubeClock& clock_;
    std::shared_ptr<Entry> entry_;
  };
  std::vector<std::shared_ptr<Entry>> entries_;
  Time now_{std::chrono::hours(1)};
  unsigned num_made_ = 0;
  double random_ = 0.5;
};

class FakeKubeTransport final : public KubeTransport {
 public:
  struct Request {
    KubeRequest request;
    OnAnswer on_answer;  // of a send
    WatchEvents events;  // of a watch
    bool is_watch = false;
  };

  std::unique_ptr<Call> send(KubeRequest request, OnAnswer on_answer) override {
    return add({std::move(request), std::move(on_answer), {}, false});
  }
  std::unique_ptr<Call> watch(KubeRequest request, std::chrono::milliseconds, WatchEvents events) override {
    return add({std::move(request), {}, std::move(events), true});
  }

  // Those that wait for an answer, oldest first.
  std::size_t num_open() const { return open_.size(); }
  // The oldest whose path has `part`; null when there is none. Kept until it is answered or given up.
  std::shared_ptr<Request> find(const std::string& part) const {
    for (const auto& request : open_)
      if (request->request.path.find(part) != std::string::npos) return request;
    return nullptr;
  }
  std::shared_ptr<Request> last() const { return open_.empty() ? nullptr : open_.back(); }
  bool is_open(const std::shared_ptr<Request>& request) const {
    return std::ranges::find(open_, request) != open_.end();
  }
  void answer(const std::shared_ptr<Request>& request, std::expected<KubeAnswer, ingress::Error> answer) {
    std::erase(open_, request);
    if (request->is_watch) {
      if (answer && !has_head(request)) request->events.on_head(answer->status);
      request->events.on_end(std::move(answer));
    } else {
      request->on_answer(std::move(answer));
    }
  }
  void answer(const std::shared_ptr<Request>& request, std::uint16_t status, std::string body) {
    answer(request, KubeAnswer{.status = status, .body = std::move(body)});
  }
  void fail(const std::shared_ptr<Request>& request,
            ingress::ErrorCode code = ingress::ErrorCode::kUpstreamReset) {
    answer(request, std::unexpected(ingress::Error{.code = code, .what = "reset"}));
  }
  void line(const std::shared_ptr<Request>& request, const std::string& text) {
    if (!has_head(request)) {
      heads_.push_back(request);
      request->events.on_head(200);
    }
    if (is_open(request)) request->events.on_line(text);
  }
  std::vector<std::string> paths;  // of all requests

 private:
  class FakeCall final : public Call {
   public:
    FakeCall(FakeKubeTransport& transport, std::shared_ptr<Request> request)
        : transport_(transport), request_(std::move(request)) {}
    ~FakeCall() override { std::erase(transport_.open_, request_); }

   private:
    FakeKubeTransport& transport_;
    std::shared_ptr<Request> request_;
  };
  std::unique_ptr<Call> add(Request request) {
    paths.push_back(request.request.path);
    open_.push_back(std::make_shared<Request>(std::move(request)));
    return std::make_unique<FakeCall>(*this, open_.back());
  }
  bool has_head(const std::shared_ptr<Request>& request) const {
    return std::ranges::find(heads_, request) != heads_.end();
  }
  std::vector<std::shared_ptr<Request>> open_, heads_;
};

// {"metadata":..., "spec":{}} of a Service, with `port` to tell versions apart.
inline std::string service_text(const std::string& name, int version, int port = 80) {
  return R"({"kind":"Service","apiVersion":"v1","metadata":{"namespace":"shop","name":")" + name +
         R"(","resourceVersion":")" + std::to_string(version) + R"("},"spec":{"ports":[{"port":)" +
         std::to_string(port) + "}]}}";
}
inline std::string list_text(const std::string& kind, int version, const std::string& items,
                             const std::string& token = {}) {
  return R"({"kind":")" + kind + R"(","apiVersion":"v1","metadata":{"resourceVersion":")" +
         std::to_string(version) + R"(","continue":")" + token + R"("},"items":[)" + items + "]}";
}
inline std::string event_text(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}";
}
inline std::string bookmark_text(int version) {
  return event_text("BOOKMARK", R"({"metadata":{"resourceVersion":")" + std::to_string(version) + R"("}})");
}
inline std::string status_text(int code, const std::string& reason, const std::string& message = "no") {
  return R"({"kind":"Status","code":)" + std::to_string(code) + R"(,"reason":")" + reason +
         R"(","message":")" + message + R"("})";
}

}  // namespace proxyd::test
