#include "agent/http_network.hpp"

#include <optional>
#include <vector>

#include "images/manifest.hpp"

namespace slipway::agent {
namespace {

http::Method method_of(const std::string& name) {
  return name == "POST" ? http::Method::post : http::Method::get;
}

class HttpTransport : public Transport {
 public:
  HttpTransport(const http::ServerPlace& server, std::chrono::milliseconds patience)
      : client_(server, {.answer = patience, .max_body_octets = images::kMaxManifestOctets}) {}

  Fallible<Answer> exchange(const Call& call) override {
    std::vector<http::Header> headers;
    if (!call.bearer.empty()) {
      headers.push_back({"Authorization", "Bearer " + call.bearer.reveal()});
    }
    if (!call.body.empty()) headers.push_back({"Content-Type", "application/json"});
    auto answer = client_.request(method_of(call.method), call.target, headers, call.body);
    if (!answer) return std::unexpected(answer.error());
    return Answer{answer->status, std::move(answer->body)};
  }

 private:
  http::Client client_;
};

class HttpFetcher : public images::Fetcher {
 public:
  HttpFetcher(const http::ServerPlace& server, std::string path, Waiting waiting)
      : client_(server), path_(std::move(path)), waiting_(std::move(waiting)) {}

  Fallible<void> fetch(std::uint64_t offset, std::uint64_t length, const Sink& sink) override {
    return client_.get_resumed(path_, offset, length,
                               {.sink = sink, .pause = [this](unsigned idle_tries) {
                                  waiting_.sleep(retry_delay(idle_tries, waiting_.dice()));
                                  return true;
                                }});
  }

 private:
  http::Client client_;
  std::string path_;
  Waiting waiting_;
};

}  // namespace

HttpNetwork::HttpNetwork(http::ServerPlace server, Waiting waiting)
    : server_(std::move(server)), waiting_(std::move(waiting)) {}

std::unique_ptr<Transport> HttpNetwork::connect(std::chrono::milliseconds patience) {
  return std::make_unique<HttpTransport>(server_, patience);
}

std::unique_ptr<images::Fetcher> HttpNetwork::fetcher(const std::string& path) {
  return std::make_unique<HttpFetcher>(server_, path, waiting_);
}

}  // namespace slipway::agent
