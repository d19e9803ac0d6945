// provisioning/sessions.hpp -- who may use a token or a bearer (SG1, SG2, SG3).
//
// A token is issued to a MAC and bound to the address of whoever trades it; a taker with another
// MAC, or from behind a router with another address, is refused, and what the token stood for is
// revoked.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "provisioning/ledger.hpp"

namespace slipway::provisioning {

// What may be read with a token, each file kReadsPerFile times.
enum class TokenFile : std::uint8_t {
  initrd,
  user_data,
  meta_data,
  vendor_data,
  network_config,
  config
};
inline constexpr unsigned kReadsPerFile = 3;

enum class Verdict : std::uint8_t {
  good,
  unknown,      // no such token or bearer: 404, 401
  wrong_taker,  // 403; revoked by now, and the alarm was raised
  finished,     // 410
  not_armed,    // no secret for a host that is not being installed
  not_now       // our failure
};

// What an agent says of its machine when it trades the token.
struct AgentHello {
  std::string token{};
  std::vector<Mac> macs{};
  std::optional<Uuid> uuid{};
  std::string serial{}, manufacturer{}, product{}, agent_version{};
};

struct OpenedSession {
  Verdict verdict = Verdict::unknown;
  std::string bearer{};
  std::string host{}, id{};  // the name if it has one, else the ID; and the ID
  std::int64_t attempt = 0;  // 0: it waits
};

class Sessions {
 public:
  using Checked = std::move_only_function<void(Verdict, SessionRef)>;
  using Opened = std::move_only_function<void(const OpenedSession&)>;

  explicit Sessions(Ledger& ledger) : ledger_(ledger) {}

  // A request for `file` with `token` from `peer`. The reference is only set, and only valid
  // during the call, when the verdict is good.
  void use_token(std::string_view token, TokenFile file, Ipv4 peer, Checked checked);

  // What use_token() would say, but for the alarm of a wrong taker: nothing is counted, bound or
  // revoked. For HEAD, whose answer holds no secret.
  struct Looked {
    Verdict verdict = Verdict::unknown;
    SessionRef ref{};  // set when the verdict is good
  };
  [[nodiscard]] Looked look_at_token(std::string_view token, TokenFile file, Ipv4 peer) const;

  // A call-back with `token` from `peer`: the right to report lives until the result. With
  // `finished` the reference is set, too: a report may be repeated after its session has ended.
  void use_call_back(std::string_view token, Ipv4 peer, Checked checked);

  // Trades the token for a bearer. Traded again by the same taker (the answer was lost, the agent
  // was restarted) it gives a new bearer and the former one is dead.
  void open(AgentHello hello, Ipv4 peer, Opened opened);

  // A request with a bearer. With `finished` the reference is set, too: a result may be repeated
  // after its session has ended.
  void authorise(std::string_view bearer, Ipv4 peer, Checked checked);

 private:
  [[nodiscard]] bool is_taker(const BootSession& session, Ipv4 peer) const;
  bool admits(const SessionRef& ref, Ipv4 peer, Checked& checked);
  void follow_address(const SessionRef& ref, Ipv4 peer);
  void open_free(Host& host, std::int64_t id, Ipv4 peer, Opened opened);
  void revoke(const SessionRef& ref, Ipv4 peer, Scheduler::Task done);
  void revoke_free(Host& host, std::int64_t session, const std::string& why, Scheduler::Task done);
  void learn(Host& host, const AgentHello& hello);

  Ledger& ledger_;
};

}  // namespace slipway::provisioning
