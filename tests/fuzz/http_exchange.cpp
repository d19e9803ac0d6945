// Any octets as a whole connection: each request that is read is routed and answered, by routes and
// settings that the first octets choose. What is written must itself be readable, and its length
// the one that it tells.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/head.hpp"
#include "http/respond.hpp"
#include "http/route.hpp"

namespace {

using namespace slipway::http;

void require(bool promise) {
  if (!promise) std::abort();
}

// What the first two octets of the input say.
struct Settings {
  bool has_etag = false, has_date = false, is_empty = false, keep_alive = false;
  std::size_t max_body_octets = 0;
};

Settings settings_of(std::uint8_t flags, std::uint8_t body) {
  return {.has_etag = (flags & 1U) != 0,
          .has_date = (flags & 2U) != 0,
          .is_empty = (flags & 4U) != 0,
          .keep_alive = (flags & 8U) != 0,
          .max_body_octets = body};
}

// Kept open over all inputs: a file with octets, and one of size 0.
std::shared_ptr<const File> open_file(const char* path) {
  auto file = File::open(path);
  require(file.has_value());
  return *file;
}

Response file_response(const Settings& settings) {
  static const auto full = open_file("/proc/self/exe");
  static const auto empty = open_file("/proc/self/setgroups");
  Response response;
  response.headers.push_back({"Content-Type", "application/efi"});
  FileBody body{.file = settings.is_empty ? empty : full};
  if (settings.has_etag) body.etag = "\"etag\"";
  if (settings.has_date) body.modified = 784111777;
  response.body = std::move(body);
  return response;
}

Router routes(const Settings& settings) {
  Router router;
  const auto file = [settings](const Request&, Reply reply) { reply(file_response(settings)); };
  router.add(Method::get, "/{path...}", file);
  router.add(
      Method::post, "/{name}",
      [](const Request& request, Reply reply) {
        reply(Response::text(200, request.captures.at(0), request.body));
      },
      settings.max_body_octets);
  return router;
}

std::uint64_t octets_of(const std::variant<std::string, FileSlice>& piece) {
  if (const auto* text = std::get_if<std::string>(&piece)) return text->size();
  const auto& slice = std::get<FileSlice>(piece);
  require(slice.octets > 0 && slice.offset + slice.octets <= slice.file->size_octets());
  return slice.octets;
}

void check(const Request& request, const Wire& wire) {
  require(!wire.pieces.empty());
  const auto head = parse_response_head(std::get<std::string>(wire.pieces.front()));
  require(head && *head && (*head)->status == wire.status);
  std::uint64_t octets = 0;
  for (const auto& piece : wire.pieces) octets += octets_of(piece);
  require(octets == (*head)->octets + wire.body_octets);
  const bool has_body = request.method != Method::head && wire.status != 204 && wire.status != 304;
  require(!has_body || (*head)->content_length == wire.body_octets);
}

// One request; how many octets it took, or 0 when the connection ends.
std::size_t serve(const Router& router, const Settings& settings, std::string_view wire) {
  const auto head = parse_request_head(wire);
  if (!head || !*head) return 0;
  auto match = router.match((*head)->method, (*head)->path);
  Request request;
  request.method = (*head)->method;
  request.path = (*head)->path;
  request.query = (*head)->query;
  request.headers = (*head)->headers;
  Response response = Response::problem(match.status, reason_of(match.status), request.path);
  const auto body_octets = (*head)->content_length;
  if (match.handler != nullptr) {
    if (body_octets > match.max_body_octets) return 0;
    if (wire.size() - (*head)->octets < body_octets) return 0;
    request.body = wire.substr((*head)->octets, body_octets);
    request.captures = std::move(match.captures);
    (*match.handler)(request, [&](Response answer) { response = std::move(answer); });
  } else if (body_octets > 0) {
    return 0;
  }
  const Delivery delivery{.date = "Sun, 06 Nov 1994 08:49:37 GMT",
                          .keep_alive = settings.keep_alive && (*head)->keep_alive,
                          .is_http_1_0 = (*head)->is_http_1_0};
  check(request, respond(request, std::move(response), delivery));
  return delivery.keep_alive ? (*head)->octets + body_octets : 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto settings = settings_of(data[0], data[1]);
  const auto router = routes(settings);
  std::string_view wire(reinterpret_cast<const char*>(data) + 2, size - 2);
  while (!wire.empty()) {
    const auto taken = serve(router, settings, wire);
    if (taken == 0) break;
    wire.remove_prefix(taken);
  }
  return 0;
}
