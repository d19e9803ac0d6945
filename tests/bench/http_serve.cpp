// One file and one short text by our HTTP server alone, plain or over TLS, for the benches:
//
//   http_serve PORT FILE [TLS-FOLDER]
//
// GET /file is the file, GET /text 1 KiB. With a folder it speaks TLS, by an authority that it
// makes there (ca.pem). Serves 127.0.0.1 until it is killed; says "ready" first.
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include "http/listener.hpp"
#include "http/server.hpp"
#include "http/tls_identity.hpp"

namespace {

using namespace slipway;
using namespace slipway::http;

template <class T>
T good(Fallible<T> result) {
  if (result) return *std::move(result);
  std::cerr << "http_serve: " << result.error().text() << "\n";
  std::exit(1);
}

Router routes(std::shared_ptr<const File> file) {
  Router router;
  router.add(Method::get, "/file", [file = std::move(file)](const Request&, Reply reply) {
    Response response;
    response.headers.push_back({"Content-Type", "application/octet-stream"});
    response.body = FileBody{.file = file, .etag = "\"file\""};
    reply(std::move(response));
  });
  router.add(Method::get, "/text", [text = std::string(1'024, 'x')](const Request&, Reply reply) {
    reply(Response::text(200, "text/plain", text));
  });
  return router;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  if (argc < 3 || argc > 4) {
    std::cerr << "http_serve PORT FILE [TLS-FOLDER]\n";
    return 1;
  }
  constexpr Ipv4 kLoopback{{127, 0, 0, 1}};
  std::shared_ptr<const Tls> tls;
  if (argc == 4) {
    const TlsNames names{.addresses = {kLoopback}, .hosts = {}};
    tls = good(Tls::load(good(own_identity(words[3], names, std::time(nullptr)))));
  }
  const auto port = static_cast<std::uint16_t>(std::stoul(words[1]));
  boost::asio::io_context io(1);
  Limits limits;
  limits.connections_per_address = limits.connections;
  Server server(io, routes(good(File::open(words[2]))), limits);
  server.serve(good(Listener::open_tcp(kLoopback, port)), tls);
  std::cout << "ready" << std::endl;
  io.run();
  return 0;
}
