// provisioning/api_batches.hpp -- batches, reports and exports on the operator plane.
//
//   GET  /api/v1/batches                         all, with their counts
//   POST /api/v1/batches                         opens one
//   GET  /api/v1/batches/{id}                    one with its members
//   POST /api/v1/batches/{id}/close
//   GET  /api/v1/batches/{id}/report?format=     text | csv | json
//   GET  /api/v1/export/hosts?format=&state=&batch=   csv | json | terraform
//
// To open: {"profile", "sites": [NAME] or "hosts": [{"host", "site"}], "limit", "allow": [RULE],
// "expires_seconds", "by", "why"}. Mistakes come all at once in a problem document, as `errors`
// with the `pointer` of each (RFC 9457 s.3 has the example).
#pragma once

#include <functional>
#include <span>
#include <string>

#include "http/route.hpp"
#include "provisioning/batches.hpp"
#include "provisioning/box.hpp"

namespace slipway::provisioning {

class BatchApi {
 public:
  BatchApi(Ledger& ledger, Batches& batches) : ledger_(ledger), batches_(batches) {}

  // The routes refer to this object. Each of them answers root and the server's own user only.
  void add_to(http::Router& router);

 private:
  using Handle = void (BatchApi::*)(const http::Request&, http::Reply);
  using HandleBatch = void (BatchApi::*)(const http::Request&, const Batch&, http::Reply);
  using Written = std::function<http::Response(const Batch&, std::span<const BoxRecord>)>;
  void add(http::Router& router, http::Method method, std::string_view pattern, Handle handle);
  void add(http::Router& router, http::Method method, std::string_view pattern, HandleBatch handle);

  void list(const http::Request& request, http::Reply reply);
  void open(const http::Request& request, http::Reply reply);
  void show(const http::Request& request, const Batch& batch, http::Reply reply);
  void close(const http::Request& request, const Batch& batch, http::Reply reply);
  void report(const http::Request& request, const Batch& batch, http::Reply reply);
  void export_hosts(const http::Request& request, http::Reply reply);
  void answer_shown(const std::string& id, http::Reply reply);
  // Reads what is on record of the batch, and answers with what `write` makes of it.
  void with_records(const std::string& id, Written write, http::Reply reply);

  Ledger& ledger_;
  Batches& batches_;
};

}  // namespace slipway::provisioning
