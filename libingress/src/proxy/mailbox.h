// Hands the newest snapshot from the control side to one worker: latest wins.
//
// The two threads meet at one pointer. The writer publishes with release, so the worker that takes it with
// acquire sees the whole snapshot; each side takes out what it finds with the same exchange, so a letter has
// exactly one owner at any time and nobody waits.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "proxy/snapshot.h"

namespace ingress::proxy {

class Mailbox {
 public:
  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;
  ~Mailbox() { delete letter_.load(std::memory_order_acquire); }

  // Control side. A letter that was not taken yet is replaced, and its snapshot freed here.
  void put(SnapshotPtr snapshot) {
    std::unique_ptr<SnapshotPtr>(
        letter_.exchange(new SnapshotPtr(std::move(snapshot)), std::memory_order_acq_rel));
  }
  // Worker. Null when nothing new came.
  std::unique_ptr<SnapshotPtr> take() {
    return std::unique_ptr<SnapshotPtr>(letter_.exchange(nullptr, std::memory_order_acq_rel));
  }

 private:
  std::atomic<SnapshotPtr*> letter_{nullptr};
};

}  // namespace ingress::proxy
