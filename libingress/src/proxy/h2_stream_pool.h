// Streams of HTTP/2 connections that are free, for the next requests.
//
// Owner: a Worker. Thread: the worker's.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace ingress::proxy {

class DownstreamH2Stream;

class H2StreamPool {
 public:
  H2StreamPool();
  ~H2StreamPool();
  std::unique_ptr<DownstreamH2Stream> take();
  void put_back(std::unique_ptr<DownstreamH2Stream> stream);

 private:
  // Few, since each keeps memory for a head.
  static constexpr std::size_t kMaxFree = 128;
  std::vector<std::unique_ptr<DownstreamH2Stream>> free_;
};

}  // namespace ingress::proxy
