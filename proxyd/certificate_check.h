// What is wrong in a certificate for this daemon, which may get OCSP responses itself.
#pragma once

#include <vector>

#include "ingress/config.h"

namespace proxyd {

// Whether responders are asked for OCSP responses (`--ocsp-stapling`).
enum class Stapling : unsigned char { kOff, kOn };

// As ingress::check_certificate(). With stapling it is no problem that a certificate that asks for an OCSP
// response comes without one, as long as there is somebody to ask.
std::vector<ingress::Problem> check_certificate(const ingress::Certificate& certificate, Stapling stapling);

}  // namespace proxyd
