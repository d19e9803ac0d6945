// http/tls_reason.hpp -- what OpenSSL says when something of it fails. For tls*.cpp.
#pragma once

#include <string>

namespace slipway::http {

// The first thing that it has to say of this thread's last calls, in its own words; forgets it.
[[nodiscard]] std::string tls_reason();

}  // namespace slipway::http
