// Two ends of Streams on one loop, and identities for them.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingress/stream.h"
#include "net/tcp.h"
#include "support/loop_waits.h"
#include "tls/test_authority.h"

namespace ingress::test {

using std::chrono::milliseconds;

struct StreamRecorder final : StreamEvents {
  explicit StreamRecorder(std::unique_ptr<Stream> its_stream) : stream(std::move(its_stream)) {
    if (stream) stream->start(*this);
  }
  StreamRecorder(const StreamRecorder&) = delete;
  StreamRecorder& operator=(const StreamRecorder&) = delete;
  void on_bytes(std::string_view bytes) override {
    received += bytes;
    if (on_event) on_event();
  }
  void on_drained() override {
    ++num_drained;
    if (on_event) on_event();
  }
  void on_closed(std::expected<void, Error> how) override {
    REQUIRE_FALSE(closed);
    closed = std::move(how);
    if (on_event) on_event();
  }
  std::unique_ptr<Stream> stream;
  std::string received;
  int num_drained = 0;
  std::optional<std::expected<void, Error>> closed;
  std::function<void()> on_event;
};

struct StreamWorld {
  StreamWorld() : loop(Loop::create().value()) {
    char name[] = "/tmp/ingress-stream-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    folder = name;
  }
  StreamWorld(const StreamWorld&) = delete;
  StreamWorld& operator=(const StreamWorld&) = delete;
  ~StreamWorld() {
    accepting.reset();
    std::filesystem::remove_all(folder);
  }

  void run_until(const std::function<bool()>& done) { ingress::test::run_until(*loop, done); }
  void listen(const std::string& address, const StreamIdentity* identity) {
    auto bound = net::bind_listening(address, 0, 1);
    REQUIRE(bound);
    port = bound->port;
    auto made = accept_streams(
        *loop, bound->fds.at(0), identity,
        [this](std::unique_ptr<Stream> stream) {
          accepted.push_back(std::make_unique<StreamRecorder>(std::move(stream)));
        },
        [this](const Error& error) { refused.push_back(error); });
    REQUIRE(made);
    accepting = std::move(*made);
  }
  std::expected<std::unique_ptr<Stream>, Error> open(const StreamAddress& address,
                                                     const StreamIdentity* identity,
                                                     milliseconds timeout = milliseconds(20'000)) {
    std::optional<std::expected<std::unique_ptr<Stream>, Error>> result;
    const auto opening = open_stream(
        *loop, address, identity, timeout,
        [&](std::expected<std::unique_ptr<Stream>, Error> opened) { result = std::move(opened); });
    CHECK_FALSE(result);
    run_until([&] { return result.has_value(); });
    return std::move(*result);
  }

  std::unique_ptr<Loop> loop;
  std::string folder;
  std::uint16_t port = 0;
  std::unique_ptr<StreamHandle> accepting;
  std::vector<std::unique_ptr<StreamRecorder>> accepted;
  std::vector<Error> refused;
};

inline const TestAuthority& link_authority() {
  static const TestAuthority made("Link CA");
  return made;
}

// Shows `name` and takes those with `allowed`.
inline StreamIdentity identity(const std::string& name, const std::string& allowed,
                               const TestAuthority& ca = link_authority()) {
  const Issued issued = ca.issue({.dns_names = {name}});
  return {.chain = issued.chain, .key = {issued.key}, .ca_bundle = ca.pem(), .allowed_names = {allowed}};
}

inline std::string text_of_all_bytes(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

}  // namespace ingress::test
