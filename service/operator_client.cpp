#include "service/operator_client.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdlib>
#include <iterator>

#include "base/json.hpp"

namespace slipway::service {

namespace json = boost::json;

OperatorClient::OperatorClient(const provisioning::Config& config)
    : socket_(config.data_dir / "slipway.sock"),
      client_(http::ServerPlace{.endpoint = {}, .socket_path = socket_}) {}

bool OperatorClient::is_running() const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto& path = socket_.native();
  if (path.size() >= sizeof(address.sun_path)) return false;  // no service could listen there
  path.copy(std::data(address.sun_path), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;  // the question itself will say why
  const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  const int error = ::connect(fd, generic, sizeof(address)) == 0 ? 0 : errno;
  (void)::close(fd);
  return error != ENOENT && error != ECONNREFUSED;
}

Fallible<json::value> OperatorClient::get(std::string_view path) {
  return ask(http::Method::get, path, {});
}

Fallible<json::value> OperatorClient::post(std::string_view path, const json::value& body) {
  return ask(http::Method::post, path, json::serialize(body));
}

Fallible<http::ClientResponse> OperatorClient::send(http::Method method, std::string_view path,
                                                    std::string_view body) {
  std::vector<http::Header> headers;
  if (!body.empty()) headers.push_back({"Content-Type", "application/json"});
  auto answer = client_.request(method, std::string("/api/v1/") + std::string(path), headers, body);
  if (answer) return answer;
  return fail(answer.error().text() + "; is `slipway serve` running with these settings?");
}

Fallible<json::value> OperatorClient::ask(http::Method method, std::string_view path,
                                          std::string_view body) {
  const auto answer = send(method, path, body);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status < 300) {
    return answer->body.empty() ? Fallible<json::value>(nullptr) : parse_json(answer->body);
  }
  const auto problem = parse_json(answer->body);
  if (!problem) return fail("the service answered " + std::to_string(answer->status));
  const JsonView view(*problem);
  return fail(view.text_or("detail", view.text_or("title", "the service refused")));
}

std::string path_segment(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:";
  std::string out;
  for (const char c : text) {
    if (kPlain.contains(c)) {
      out += c;
    } else {
      const auto octet = static_cast<std::uint8_t>(c);
      out += "%" + to_hex({&octet, 1});
    }
  }
  return out;
}

std::string who() {
  for (const char* name : {"SUDO_USER", "USER", "LOGNAME"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "uid " + std::to_string(getuid());
}

}  // namespace slipway::service
