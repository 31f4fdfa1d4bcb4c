// Marks what the shared library exports. Everything else in it is hidden.
#pragma once

#if defined(INGRESS_STATIC)
#define INGRESS_EXPORT
#else
#define INGRESS_EXPORT __attribute__((visibility("default")))
#endif
