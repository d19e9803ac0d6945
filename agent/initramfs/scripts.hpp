// agent/initramfs/scripts.hpp -- the scripts of this folder, as they were when Slipway was built.
#pragma once

#include <string_view>

namespace slipway::agent {

// /init, /etc/slipway/hotplug and /etc/slipway/udhcpc of the installer.
extern const std::string_view kInitScript;
extern const std::string_view kHotplugScript;
extern const std::string_view kUdhcpcScript;

}  // namespace slipway::agent
