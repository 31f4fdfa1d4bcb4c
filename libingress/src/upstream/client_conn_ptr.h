// Owning pointer to a connection to a backend: dropping it closes the socket at once and frees the object
// after the current callback.
#pragma once

#include <memory>

namespace ingress::upstream {

class H1ClientConn;

struct ClientConnDeleter {
  void operator()(H1ClientConn* conn) const;
};
using ClientConnPtr = std::unique_ptr<H1ClientConn, ClientConnDeleter>;

}  // namespace ingress::upstream
