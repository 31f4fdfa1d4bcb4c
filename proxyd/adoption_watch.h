// When every worker of the server serves a generation: asked every 10 ms while somebody wants to know.
//
// Owner: the publisher. Thread: the loop's.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "ingress/loop.h"
#include "ingress/server.h"

namespace proxyd {

class AdoptionWatch {
 public:
  AdoptionWatch(ingress::Loop& loop, ingress::Server& server) : loop_(loop), server_(server) {}
  // Calls `call` once, from the loop, when every worker serves `generation` or a later one.
  void add(ingress::Generation generation, std::move_only_function<void()> call);

 private:
  void look();

  ingress::Loop& loop_;
  ingress::Server& server_;
  std::vector<std::pair<ingress::Generation, std::move_only_function<void()>>> waiting_;
  ingress::Loop::Registration timer_;
};

}  // namespace proxyd
