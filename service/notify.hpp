// service/notify.hpp -- tells systemd that the service is ready (sd_notify(3), the protocol only).
#pragma once

#include "base/result.hpp"

namespace slipway::service {

// Sends READY=1 to $NOTIFY_SOCKET. Without that variable nothing is to be done and it succeeds.
[[nodiscard]] Fallible<void> notify_ready();

}  // namespace slipway::service
