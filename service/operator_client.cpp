#include "service/operator_client.hpp"

#include <boost/json/serialize.hpp>

#include "base/json.hpp"

namespace slipway::service {

namespace json = boost::json;

OperatorClient::OperatorClient(const provisioning::Config& config)
    : client_(http::ServerPlace{.endpoint = {}, .socket_path = config.data_dir / "slipway.sock"}) {}

Fallible<json::value> OperatorClient::get(std::string_view path) {
  return ask(http::Method::get, path, {});
}

Fallible<json::value> OperatorClient::post(std::string_view path, const json::value& body) {
  return ask(http::Method::post, path, json::serialize(body));
}

Fallible<json::value> OperatorClient::ask(http::Method method, std::string_view path,
                                          std::string_view body) {
  std::vector<http::Header> headers;
  if (!body.empty()) headers.push_back({"Content-Type", "application/json"});
  const auto answer =
      client_.request(method, std::string("/api/v1/") + std::string(path), headers, body);
  if (!answer) {
    return fail(answer.error().text() + "; is `slipway serve` running with these settings?");
  }
  if (answer->status < 300) {
    return answer->body.empty() ? Fallible<json::value>(nullptr) : parse_json(answer->body);
  }
  const auto problem = parse_json(answer->body);
  if (!problem) return fail("the service answered " + std::to_string(answer->status));
  const JsonView view(*problem);
  return fail(view.text_or("detail", view.text_or("title", "the service refused")));
}

}  // namespace slipway::service
