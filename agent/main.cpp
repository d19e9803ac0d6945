// slipway-agent: runs on the host that is to be written, started by agent/initramfs/init.
#include <cstdio>
#include <exception>

#include "agent/clock.hpp"
#include "agent/console.hpp"
#include "agent/diagnosis.hpp"
#include "agent/http_network.hpp"
#include "agent/install.hpp"
#include "agent/parameters.hpp"
#include "agent/power.hpp"
#include "agent/stick.hpp"

namespace {

namespace agent = slipway::agent;

int run() {
  agent::Console console("/");
  auto parameters = agent::read_parameters("/");
  if (!parameters) {
    console.say(parameters.error().text());
    return 1;
  }
  console.say("The server is " + parameters->server + ".");
  const auto server = slipway::http::ServerPlace::parse(parameters->server);
  if (!server) {
    console.say(server.error().text());
    return 1;
  }
  agent::HttpNetwork network(*server, agent::Waiting::real());
  // The plan is held back by the server for up to 30 s.
  const auto transport = network.connect(std::chrono::seconds(45));
  if (parameters->token.empty()) {
    agent::Stick stick("/", *transport, agent::Waiting::real(),
                       [&console](const auto& lines) { console.show(lines); });
    parameters->token = stick.token(parameters->only_mac);
  }
  agent::Session session(
      *transport, parameters->token, agent::Waiting::real(), [&](const std::string& trouble) {
        console.say(trouble.empty() ? "The server answers again."
                                    : "The server cannot be reached (" + trouble +
                                          "); it is asked again until it answers.");
      });
  session.on_server_time([&console](std::int64_t unix_ms) {
    agent::SystemClock clock;
    const auto line = agent::follow_server(clock, unix_ms);
    if (!line.empty()) console.say(line);
  });
  agent::RescueShell shell("/", {"/bin/busybox", "sh"});
  agent::Install install(
      "/", parameters->server,
      {console, session, network, shell, agent::Waiting::real(), agent::read_kernel_messages});
  agent::leave(install.run());
  console.say("The kernel refused to switch off or restart; switch the host off by hand.");
  return 1;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& error) {
    (void)std::fprintf(stderr, "slipway-agent: %s\n",
                       error.what());  // there is nobody else to tell
    return 1;
  }
}
