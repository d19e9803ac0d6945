#include "agent/power.hpp"

#include <sys/reboot.h>
#include <unistd.h>

namespace slipway::agent {

void leave(Finish finish) {
  ::sync();
  ::reboot(finish == Finish::poweroff ? RB_POWER_OFF : RB_AUTOBOOT);
}

}  // namespace slipway::agent
