// What a person does to a host that stands in the installer: let it try again, or look into it.
#include <utility>

#include "provisioning/operator.hpp"

namespace slipway::provisioning {
namespace {

// Its agent waits for orders, as far as we know.
bool has_waiting_agent(const Host& host, TimePoint now) {
  const auto* session = host.session();
  if (session == nullptr || session->ended || !session->bearer_hash) return false;
  return host.parked || now - host.contact <= Operator::kAgentTalks;
}

}  // namespace

void Operator::retry(Host& host, std::chrono::seconds lifetime, const Order& order, Done done) {
  ledger_.when_free(host, [this, &host, lifetime, order, done = std::move(done)]() mutable {
    if (host.state != HostState::failed) {
      return done(refused(409, state_of(host) + "; only a failed host can be tried again"));
    }
    const auto now = ledger_.now();
    if (host.attempts_left(now.steady) == 0) {
      return arm_free(host, lifetime, order, std::move(done));
    }
    auto change = go(host, HostState::armed, ledger_.cause(order.who, order.why), now);
    move(host, std::move(change), "host.retried", order.who + " lets it try again",
         std::move(done));
  });
}

void Operator::rescue(Host& host, bool open, const Order& order, Done done) {
  ledger_.when_free(host, [this, &host, open, order, done = std::move(done)]() mutable {
    if (!open && !host.rescue) return done({});
    if (open && live_attempt(host) != 0) {
      return done(refused(409, state_of(host) + "; a shell is opened only while it waits"));
    }
    const auto now = ledger_.now();
    if (open && !has_waiting_agent(host, now.steady)) {
      return done(refused(409, "host " + host.shown_name() +
                                   " is not in the installer; boot it from the network first"));
    }
    std::optional<Rescue> wanted;
    if (open) wanted = Rescue{.who = order.who, .since_ms = now.unix_ms};
    auto change =
        provisioning::rescue(host, std::move(wanted), ledger_.cause(order.who, order.why));
    const auto* event = open ? "host.rescue_opened" : "host.rescue_closed";
    move(host, std::move(change), event,
         order.who + (open ? " opened" : " closed") + " a root shell on its consoles",
         std::move(done));
  });
}

}  // namespace slipway::provisioning
