// provisioning/api.hpp -- the operator plane's REST, /api/v1. For now on the UNIX socket only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "http/route.hpp"
#include "provisioning/ledger.hpp"
#include "provisioning/operator.hpp"

namespace slipway::provisioning {

// What a reload came to: the old inventory stays when it was not good.
struct Reloaded {
  bool good = false;
  std::vector<std::string> lines;  // mistakes and warnings, `file:line:column: ...`
};

// Which reading of the inventory's files is in force, and what was refused since.
struct InventoryStatus {
  std::int64_t loaded_ms = 0;  // when it was read; wall clock, milliseconds since 1970
  std::string digest{};        // of its files, in hexadecimal
  std::size_t hosts = 0, profiles = 0, sites = 0;
  std::int64_t refused_ms = 0;       // since when the files have mistakes; 0: they are good
  std::vector<std::string> lines{};  // mistakes and warnings of the last reading
};

// What the operator plane may do with the inventory's files.
struct InventoryControl {
  std::function<Reloaded()> reload;
  std::function<InventoryStatus()> status;
};

class OperatorApi {
 public:
  OperatorApi(Ledger& ledger, Operator& operations, InventoryControl inventory)
      : ledger_(ledger), operator_(operations), inventory_(std::move(inventory)) {}

  // The routes refer to this object. Each of them answers root and the server's own user only.
  void add_to(http::Router& router);

 private:
  using Handle = void (OperatorApi::*)(const http::Request&, http::Reply);
  using HandleHost = void (OperatorApi::*)(const http::Request&, Host&, http::Reply);
  void add(http::Router& router, http::Method method, std::string_view pattern, Handle handle);
  void add(http::Router& router, http::Method method, std::string_view pattern, HandleHost handle);

  void list(const http::Request& request, http::Reply reply);
  void show(const http::Request& request, Host& host, http::Reply reply);
  void timeline(const http::Request& request, Host& host, http::Reply reply);
  void arm(const http::Request& request, Host& host, http::Reply reply);
  void retry(const http::Request& request, Host& host, http::Reply reply);
  void rescue(const http::Request& request, Host& host, http::Reply reply);
  void diagnostics(const http::Request& request, Host& host, http::Reply reply);
  void disarm(const http::Request& request, Host& host, http::Reply reply);
  void ignore(const http::Request& request, Host& host, http::Reply reply);
  void assign(const http::Request& request, Host& host, http::Reply reply);
  void reload(const http::Request& request, http::Reply reply);
  void inventory(const http::Request& request, http::Reply reply);
  // The answer to an order: the host as it is now, or why not.
  [[nodiscard]] Operator::Done answer(Host& host, http::Reply reply);

  Ledger& ledger_;
  Operator& operator_;
  InventoryControl inventory_;
};

}  // namespace slipway::provisioning
