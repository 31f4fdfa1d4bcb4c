// Where finished exchanges are written down.
#pragma once

#include "ingress/export.h"
#include "ingress/filter.h"
#include "ingress/stream_record.h"

namespace ingress {

// Called by every worker on its own thread, once per exchange, also for heads that were refused.
// Must not block: an implementation queues and counts what it drops.
class INGRESS_EXPORT AccessLog {
 public:
  virtual ~AccessLog() = default;
  // `worker` is below ServerOptions::workers.
  virtual void write(unsigned worker, const ExchangeRecord& record) = 0;
  // Likewise, once per connection or session of layer 4.
  virtual void write_stream(unsigned worker, const StreamRecord& record) { (void)worker, (void)record; }
};

}  // namespace ingress
