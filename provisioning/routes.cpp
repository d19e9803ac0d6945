#include "provisioning/routes.hpp"

#include <array>
#include <utility>

#include "base/log.hpp"
#include "provisioning/agent_json.hpp"
#include "provisioning/bootscript.hpp"
#include "provisioning/command_line.hpp"
#include "provisioning/grub_config.hpp"
#include "provisioning/installer_kind.hpp"
#include "provisioning/plan.hpp"
#include "provisioning/tokens.hpp"

namespace slipway::provisioning {
namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr std::string_view kText = "text/plain; charset=utf-8";

Response uncached(int status, std::string_view type, std::string body) {
  auto response = Response::text(status, type, std::move(body));
  response.headers.push_back({"Cache-Control", "no-store"});
  return response;
}

enum class Loader : std::uint8_t { ipxe, grub };

Response third_party_response(const BootAnswer& answer, const ServerAddress& server,
                              Loader loader) {
  const auto script = script_of({.server = server,
                                 .mac = answer.mac,
                                 .token = answer.token.reveal(),
                                 .installer = *answer.other});
  if (script) {
    return uncached(200, kText,
                    loader == Loader::grub
                        ? third_party_grub_config(server, *script) + grub_again(server, answer.mac)
                        : third_party_script(server, *script));
  }
  // It could be made when the host was armed; its image or its profile is another one now.
  log::error("boot.script_impossible",
             {{"mac", answer.mac.text()}, {"text", script.error().text()}});
  return Response::problem(500, "Server error", "This script could not be made; see the server.");
}

AgentBoot agent_boot(const BootAnswer& answer, const ServerAddress& server) {
  return {.server = server,
          .installer = answer.installer,
          .mac = answer.mac,
          .token = answer.token.reveal()};
}

Response script_response(const BootAnswer& answer, const ServerAddress& server) {
  using enum BootAnswer::Kind;
  switch (answer.kind) {
    case local_disk: return uncached(200, kText, local_disk_script());
    case agent: return uncached(200, kText, agent_script(agent_boot(answer, server)));
    case third_party: return third_party_response(answer, server, Loader::ipxe);
    case refused:
      return Response::problem(403, "Refused", "The MAC asked for is not the one that asks.");
    case not_now: break;
  }
  return Response::problem(503, "Not now", "The server cannot do this now; ask again.");
}

// The same decision in GRUB's words.
Response grub_response(const BootAnswer& answer, const ServerAddress& server) {
  using enum BootAnswer::Kind;
  switch (answer.kind) {
    case local_disk: return uncached(200, kText, grub_local_disk_config());
    case agent:
      return uncached(
          200, kText,
          agent_grub_config(agent_boot(answer, server)) + grub_again(server, answer.mac));
    case third_party: return third_party_response(answer, server, Loader::grub);
    case refused:
    case not_now: break;
  }
  return script_response(answer, server);
}

Response missing_file() {
  return Response::problem(404, "Not found", "There is no such file here.");
}

// What a script would have brought to an agent that a stick started. 204: this host would be sent
// to its disk; the agent waits and asks again.
Response token_response(const BootAnswer& answer) {
  using enum BootAnswer::Kind;
  switch (answer.kind) {
    case agent: return uncached(200, kText, answer.token.reveal());
    case third_party:
    case local_disk: return uncached(204, kText, {});
    case refused:
    case not_now: break;
  }
  return script_response(answer, {});
}

Response file_response(http::FileBody body, std::string_view name) {
  Response response;
  response.headers.push_back({"Content-Type", std::string(http::content_type_of(name))});
  response.body = std::move(body);
  return response;
}

// What EDK2 needs to go on with a download that broke off (If-Match, If-Unmodified-Since).
http::FileBody dated_body(std::shared_ptr<const http::File> file) {
  const auto modified = file->modified();
  auto etag = "\"" + std::to_string(file->size_octets()) + "-" + std::to_string(modified) + "\"";
  return {.file = std::move(file), .etag = std::move(etag), .modified = modified};
}

// Who asks, by its own word; else the answer that says what is wrong.
std::expected<BootRequest, Response> read_boot_request(const Request& request) {
  const auto mac = Mac::parse(request.parameter("mac").value_or(""));
  if (!mac) {
    return std::unexpected(
        Response::problem(400, "Bad request", "mac must read like 52:54:00:aa:00:01."));
  }
  BootRequest boot{.mac = *mac};
  boot.uuid = Uuid::parse(request.parameter("uuid").value_or(""));
  if (boot.uuid && boot.uuid->is_zero()) boot.uuid.reset();
  boot.serial = request.parameter("serial").value_or("");
  boot.manufacturer = request.parameter("manufacturer").value_or("");
  boot.product = request.parameter("product").value_or("");
  boot.peer = request.peer.address;
  return boot;
}

Response call_back_response(ReportVerdict verdict, bool is_over) {
  switch (verdict) {
    case ReportVerdict::durable: return uncached(200, "application/json", "{}\n");
    case ReportVerdict::revoked:
      if (is_over) return refusal(Verdict::finished);
      return Response::problem(409, "Conflict", "This attempt is over, or has not had its config.");
    case ReportVerdict::not_now: break;
  }
  return refusal(Verdict::not_now);
}

}  // namespace

Response refusal(Verdict verdict) {
  switch (verdict) {
    case Verdict::unknown: return Response::problem(404, "Not found", "There is no such token.");
    case Verdict::wrong_taker:
      return Response::problem(403, "Refused", "This token or session was given to another host.");
    case Verdict::finished:
      return Response::problem(410, "Gone", "What this was for has ended; boot again.");
    case Verdict::not_armed:
      return Response::problem(403, "Refused", "The host is not being installed.");
    case Verdict::good:
    case Verdict::not_now: break;
  }
  return Response::problem(503, "Not now", "The server cannot do this now; ask again.");
}

void BootRoutes::add_to(http::Router& router) {
  const auto get = [&](std::string_view pattern, auto handler) {
    router.add(Method::get, pattern, [this, handler](const Request& request, http::Reply reply) {
      (this->*handler)(request, std::move(reply));
    });
  };
  get("/boot.ipxe", &BootRoutes::boot_script);
  get("/boot.token", &BootRoutes::boot_token);
  get("/grub/{name}", &BootRoutes::grub_config);
  get("/artifacts/{sha}/{name}", &BootRoutes::artifact);
  get("/i/{name}/{version}/{path...}", &BootRoutes::tree_file);
  get("/loader/{path...}", &BootRoutes::loader);
  constexpr std::array<std::pair<std::string_view, TokenFile>, 6> kFiles{{
      {"/h/{token}/initrd", TokenFile::initrd},
      {"/h/{token}/user-data", TokenFile::user_data},
      {"/h/{token}/meta-data", TokenFile::meta_data},
      {"/h/{token}/vendor-data", TokenFile::vendor_data},
      {"/h/{token}/network-config", TokenFile::network_config},
      {"/h/{token}/config", TokenFile::config},
  }};
  for (const auto& [pattern, file] : kFiles) {
    router.add(Method::get, pattern, [this, file](const Request& request, http::Reply reply) {
      with_token(request, file, std::move(reply));
    });
  }
  constexpr std::size_t kLongestCallBack = 4096;
  router.add(
      Method::post, "/h/{token}/report",
      [this](const Request& request, http::Reply reply) { call_back(request, std::move(reply)); },
      kLongestCallBack);
}

void BootRoutes::boot_script(const Request& request, http::Reply reply) {
  const ServerAddress server{.address = request.local_address, .port = request.local_port};
  if (!request.parameter("mac")) return reply(uncached(200, kText, chain_script(server)));
  auto boot = read_boot_request(request);
  if (!boot) return reply(std::move(boot.error()));
  if (request.method == Method::head) {
    return reply(script_response(parts_.gate.preview_script(*boot), server));
  }
  parts_.gate.ask_script(std::move(*boot),
                         [server, reply = std::move(reply)](const BootAnswer& answer) mutable {
                           reply(script_response(answer, server));
                         });
}

// Without a MAC in the name it is the one of the neighbour table; behind a router GRUB must say it.
void BootRoutes::grub_config(const Request& request, http::Reply reply) {
  const auto name = parse_grub_config_name(request.captures[0]);
  if (!name) return reply(missing_file());
  const ServerAddress server{.address = request.local_address, .port = request.local_port};
  const auto peer = request.peer.address;
  const auto mac = name->mac ? name->mac : parts_.gate.mac_at(peer);
  if (!mac) return reply(uncached(200, kText, grub_chain_config(server)));
  if (parts_.gate.is_stranger(*mac)) return reply(missing_file());
  BootRequest boot{.mac = *mac, .peer = peer};
  if (request.method == Method::head) {
    return reply(grub_response(parts_.gate.preview_script(boot), server));
  }
  parts_.gate.ask_script(std::move(boot),
                         [server, reply = std::move(reply)](const BootAnswer& answer) mutable {
                           reply(grub_response(answer, server));
                         });
}

void BootRoutes::boot_token(const Request& request, http::Reply reply) {
  auto boot = read_boot_request(request);
  if (!boot) return reply(std::move(boot.error()));
  boot->from_stick = true;
  if (request.method == Method::head) {
    return reply(token_response(parts_.gate.preview_script(*boot)));
  }
  parts_.gate.ask_script(std::move(*boot), [reply = std::move(reply)](const auto& answer) mutable {
    reply(token_response(answer));
  });
}

void BootRoutes::artifact(const Request& request, http::Reply reply) {
  const auto digest = Sha256::parse(request.captures[0]);
  if (!digest) return reply(missing_file());
  give(request, *digest, request.captures[1], std::move(reply));
}

// An installer that wants a tree gets it by its paths; they are looked up, never opened.
void BootRoutes::tree_file(const Request& request, http::Reply reply) {
  const auto name = request.captures[0] + "@" + request.captures[1];
  const auto set = parts_.artifacts.find_installer(name);
  const auto* file = set ? set->file(request.captures[2]) : nullptr;
  if (file == nullptr) return reply(missing_file());
  give(request, file->sha256, request.captures[2], std::move(reply));
}

void BootRoutes::give(const Request& request, const Sha256& digest, std::string_view name,
                      http::Reply reply) {
  auto file = parts_.artifacts.open(digest);
  if (!file) return reply(missing_file());
  // Images come in many ranges; the timeline shows the files that a boot begins with.
  if (request.method == Method::get && is_boot_file(name)) {
    parts_.gate.note_installer_file(request.peer.address, std::string(name));
  }
  auto response =
      file_response({.file = std::move(file), .etag = "\"" + digest.text() + "\""}, name);
  response.headers.push_back({"Cache-Control", "public, max-age=31536000, immutable"});
  reply(std::move(response));
}

void BootRoutes::loader(const Request& request, http::Reply reply) {
  auto file = parts_.loaders.file(request.captures[0]);
  if (!file) return reply(missing_file());
  const auto* host =
      request.method == Method::get ? parts_.gate.host_at(request.peer.address) : nullptr;
  if (host != nullptr) {
    parts_.ledger.reach(*host, Milestone::loader_asked);
    auto& boot = parts_.ledger.journey().boot_of(host->id);
    boot.loader = request.captures[0];
    boot.by_http = true;
    parts_.ledger.note(*host, "host.loader_sent", "takes " + request.captures[0] + " by HTTP");
  }
  reply(file_response(dated_body(std::move(file)), request.captures[0]));
}

void BootRoutes::with_token(const Request& request, TokenFile file, http::Reply reply) {
  const Secret token(request.captures[0]);
  const auto peer = request.peer.address;
  if (request.method == Method::head) {
    return preview_token_file(token, file, request, std::move(reply));
  }
  parts_.sessions.use_token(token.reveal(), file, peer,
                            [this, file, token, peer, &request, reply = std::move(reply)](
                                Verdict verdict, const SessionRef& ref) mutable {
                              if (verdict == Verdict::good) {
                                return give_token_file(ref, file, token, request, std::move(reply));
                              }
                              parts_.delay.report(shown(token.reveal()), peer);
                              if (verdict != Verdict::unknown) return reply(refusal(verdict));
                              parts_.delay.answer(std::move(reply), refusal(verdict));
                            });
}

// EDK2 and GRUB ask for the length first: that uses nothing up, moves no host and binds nobody.
void BootRoutes::preview_token_file(const Secret& token, TokenFile file, const Request& request,
                                    http::Reply reply) {
  const auto found = parts_.sessions.look_at_token(token.reveal(), file, request.peer.address);
  if (found.verdict == Verdict::unknown) {
    return parts_.delay.answer(std::move(reply), refusal(found.verdict));
  }
  if (found.verdict != Verdict::good) return reply(refusal(found.verdict));
  const ServerAddress server{.address = request.local_address, .port = request.local_port};
  reply(token_file(found.ref, file, token, server));
}

void BootRoutes::give_token_file(const SessionRef& ref, TokenFile file, const Secret& token,
                                 const Request& request, http::Reply reply) {
  const ServerAddress server{.address = request.local_address, .port = request.local_port};
  if (file != TokenFile::config && file != TokenFile::user_data) {
    return reply(token_file(ref, file, token, server));
  }
  parts_.installs.take_config(ref, [this, file, token, server, reply = std::move(reply)](
                                       Verdict verdict, const SessionRef& now) mutable {
    reply(verdict == Verdict::good ? token_file(now, file, token, server) : refusal(verdict));
  });
}

void BootRoutes::call_back(const Request& request, http::Reply reply) {
  auto report = read_call_back(request.body);
  if (!report) {
    return reply(Response::problem(400, "Bad request", report.error().text() + "."));
  }
  const std::string seen(shown(request.captures[0]));
  const auto peer = request.peer.address;
  parts_.sessions.use_call_back(
      request.captures[0], peer,
      [this, seen, peer, report = std::move(*report), reply = std::move(reply)](
          Verdict verdict, const SessionRef& ref) mutable {
        const bool is_known = verdict == Verdict::good || verdict == Verdict::finished;
        if (is_known) {
          const bool is_over = verdict == Verdict::finished;
          return parts_.installs.call_back(
              ref, std::move(report),
              [is_over, reply = std::move(reply)](ReportVerdict said) mutable {
                reply(call_back_response(said, is_over));
              });
        }
        parts_.delay.report(seen, peer);
        if (verdict != Verdict::unknown) return reply(refusal(verdict));
        parts_.delay.answer(std::move(reply), refusal(verdict));
      });
}

Response BootRoutes::token_file(const SessionRef& ref, TokenFile file, const Secret& token,
                                const ServerAddress& server) {
  const auto broken = [&](const Error& error) {
    parts_.ledger.alarm(*ref.host, "host.seed_impossible", error.text());
    return Response::problem(500, "Server error", "This file could not be made; see the server.");
  };
  if (file == TokenFile::initrd) {
    const auto cpio = parts_.artifacts.token_cpio(token.reveal());
    if (!cpio) return broken(cpio.error());
    return uncached(200, "application/octet-stream", std::string(as_text(*cpio)));
  }
  const auto& host = *ref.host;
  const auto recipe = armed_recipe_of(host, parts_.ledger.inventory());
  if (!recipe) return broken(recipe.error());
  const auto format = recipe->profile->format;
  const bool has_seed = !is_text_format(format) || format == UserDataFormat::autoinstall;
  if (file != TokenFile::config && !has_seed) return missing_file();
  const auto report = report_url(server, token.reveal());
  if (file == TokenFile::config) {
    auto config = render_config(recipe->subject(), report);
    return config ? uncached(200, kText, std::move(*config)) : broken(config.error());
  }
  const auto seed =
      render_seed(recipe->subject(), instance_id(*recipe, host.attempt), Secrets::revealed, report);
  if (!seed) return broken(seed.error());
  switch (file) {
    case TokenFile::user_data: return uncached(200, kText, seed->user_data);
    case TokenFile::meta_data: return uncached(200, kText, seed->meta_data);
    case TokenFile::network_config: return uncached(200, kText, seed->network_config);
    case TokenFile::vendor_data:
    case TokenFile::config:
    case TokenFile::initrd: break;
  }
  return uncached(200, kText, seed->vendor_data);
}

}  // namespace slipway::provisioning
