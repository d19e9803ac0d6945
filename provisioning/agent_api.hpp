// provisioning/agent_api.hpp -- the agent protocol, /agent/v1: JSON in, JSON out.
//
// Decides nothing: it reads bodies, asks Sessions and Installs, and writes answers.
#pragma once

#include "http/route.hpp"
#include "provisioning/installs.hpp"
#include "provisioning/sessions.hpp"
#include "provisioning/stranger_delay.hpp"

namespace slipway::provisioning {

class AgentApi {
 public:
  AgentApi(Ledger& ledger, Sessions& sessions, Installs& installs, StrangerDelay& delay)
      : ledger_(ledger), sessions_(sessions), installs_(installs), delay_(delay) {}

  // The routes refer to this object.
  void add_to(http::Router& router);

 private:
  using Work = void (AgentApi::*)(const http::Request&, const SessionRef&, http::Reply);
  void open_session(const http::Request& request, http::Reply reply);
  [[nodiscard]] std::string session_json(const OpenedSession& opened) const;
  void with_session(const http::Request& request, http::Reply reply, Work work);

  void with_verdict(Verdict verdict, const http::Request& request, const SessionRef& ref,
                    http::Reply reply, Work work);
  void inventory(const http::Request& request, const SessionRef& ref, http::Reply reply);
  void plan(const http::Request& request, const SessionRef& ref, http::Reply reply);
  void seed(const http::Request& request, const SessionRef& ref, http::Reply reply);
  void oem(const http::Request& request, const SessionRef& ref, http::Reply reply);
  void progress(const http::Request& request, const SessionRef& ref, http::Reply reply);
  void log_lines(const http::Request& request, const SessionRef& ref, http::Reply reply);
  void keep_bundle(const http::Request& request, const SessionRef& ref, http::Reply reply);
  void result(const http::Request& request, const SessionRef& ref, http::Reply reply);
  void answer_finished(const http::Request& request, const SessionRef& ref, http::Reply reply);

  Ledger& ledger_;
  Sessions& sessions_;
  Installs& installs_;
  StrangerDelay& delay_;
};

}  // namespace slipway::provisioning
