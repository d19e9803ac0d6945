// provisioning/tftp_source.hpp -- where TFTP reads a file from.
#pragma once

#include <memory>

#include "base/bytes.hpp"
#include "http/message.hpp"
#include "tftp/files.hpp"

namespace slipway::provisioning {

[[nodiscard]] std::shared_ptr<const tftp::Source> in_memory(Bytes octets);

// Read as it is sent, a window at a time, and never mapped into memory: a disk that fails would
// then end the service by SIGBUS, not one transfer.
[[nodiscard]] std::shared_ptr<const tftp::Source> on_disk(std::shared_ptr<const http::File> file);

}  // namespace slipway::provisioning
