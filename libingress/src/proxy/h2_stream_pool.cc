#include "proxy/h2_stream_pool.h"

#include <utility>

#include "proxy/downstream_h2_stream.h"

namespace ingress::proxy {

H2StreamPool::H2StreamPool() = default;
H2StreamPool::~H2StreamPool() = default;

std::unique_ptr<DownstreamH2Stream> H2StreamPool::take() {
  if (free_.empty()) return std::make_unique<DownstreamH2Stream>();
  std::unique_ptr<DownstreamH2Stream> stream = std::move(free_.back());
  free_.pop_back();
  return stream;
}

void H2StreamPool::put_back(std::unique_ptr<DownstreamH2Stream> stream) {
  if (free_.size() < kMaxFree && stream->rest()) free_.push_back(std::move(stream));
}

}  // namespace ingress::proxy
