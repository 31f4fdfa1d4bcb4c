// A child's end of the stream to the other child: got from the supervisor, and anew whenever it has ended.
//
// Owner: the daemon's child. Thread: the loop's. Caller: destroys whom the streams were given to first.
#pragma once

#include <functional>
#include <memory>

#include "ingress/loop.h"
#include "ingress/stream.h"
#include "proxyd/process/supervisor_client.h"

namespace proxyd {

class LocalLink {
 public:
  using OnStream = std::function<void(std::unique_ptr<ingress::Stream>)>;
  LocalLink(ingress::Loop& loop, SupervisorClient& supervisor, OnStream on_stream);
  LocalLink(const LocalLink&) = delete;
  LocalLink& operator=(const LocalLink&) = delete;

  // From the loop.
  void open();

 private:
  void open_soon();

  ingress::Loop& loop_;
  SupervisorClient& supervisor_;
  OnStream on_stream_;
  std::shared_ptr<std::function<void()>> on_gone_;  // of the newest stream; the others' is another
  ingress::Loop::Registration timer_;
};

}  // namespace proxyd
