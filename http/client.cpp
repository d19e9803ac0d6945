#include "http/client.hpp"

#include <algorithm>
#include <charconv>
#include <span>

#include "http/head.hpp"
#include "http/text.hpp"

namespace slipway::http {
namespace {

constexpr std::size_t kHeadReadOctets = 4'096;
constexpr std::size_t kBodyReadOctets = 262'144;

std::string message_text(Method method, std::string_view target, const ServerPlace& place,
                         const std::vector<Header>& headers) {
  std::string text(to_text(method));
  text.append(" ").append(target).append(" HTTP/1.1\r\nHost: ");
  text.append(place.socket_path.empty() ? place.text() : "localhost").append("\r\n");
  text.append("User-Agent: slipway/" SLIPWAY_VERSION "\r\n");
  for (const auto& [name, value] : headers)
    text.append(name).append(": ").append(value).append("\r\n");
  return text;
}

std::string range_text(const Part& part) {
  auto text = "bytes=" + std::to_string(part.offset) + "-";
  if (part.octets) text += std::to_string(part.offset + *part.octets - 1);
  return text;
}

// "bytes 100-199/1000": first, last, whole size. Nullopt also for an unknown size ("*").
struct ContentRange {
  std::uint64_t first, last, size_octets;
};
std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  const auto hyphen = text.find('-');
  const auto slash = text.find('/');
  if (!text.starts_with(kUnit) || hyphen == std::string_view::npos ||
      slash == std::string_view::npos || slash < hyphen) {
    return std::nullopt;
  }
  const auto first = parse_decimal(text.substr(kUnit.size(), hyphen - kUnit.size()));
  const auto last = parse_decimal(text.substr(hyphen + 1, slash - hyphen - 1));
  const auto size = parse_decimal(text.substr(slash + 1));
  if (!first || !last || !size || *last < *first || *last >= *size) return std::nullopt;
  return ContentRange{*first, *last, *size};
}

bool is_whole(const Part& part) { return part.offset == 0 && !part.octets; }

bool is_exactly(const ResponseHead& head, const Part& part) {
  if (is_whole(part)) return head.status == 200;
  const auto range = parse_content_range(find_header(head.headers, "Content-Range").value_or(""));
  if (head.status != 206 || !range || range->first != part.offset) return false;
  const auto octets = range->last - range->first + 1;
  const bool has_length =
      part.octets ? octets == *part.octets : range->last + 1 == range->size_octets;
  return has_length && head.content_length == octets;
}

// Whether the server's answer to a download would be the same another time.
bool is_final(int status) { return status != 0 && status != 408 && status != 429 && status < 500; }

}  // namespace

struct Client::Incoming {
  ResponseHead head;
  std::uint64_t body_octets = 0;
};

Fallible<ServerPlace> ServerPlace::parse(std::string_view url) {
  constexpr std::string_view kHttp = "http://";
  constexpr std::string_view kUnix = "unix:";
  ServerPlace place;
  if (url.starts_with(kUnix) && url.size() > kUnix.size()) {
    place.socket_path = url.substr(kUnix.size());
    return place;
  }
  const auto wrong = fail("'" + std::string(url) + "' is not http://ADDRESS:PORT or unix:PATH");
  if (!url.starts_with(kHttp)) return wrong;
  auto authority = url.substr(kHttp.size());
  if (authority.ends_with('/')) authority.remove_suffix(1);
  const auto colon = std::min(authority.find(':'), authority.size());
  const auto address = Ipv4::parse(authority.substr(0, colon));
  const auto port = colon == authority.size() ? 80 : parse_decimal(authority.substr(colon + 1));
  if (!address || !port || *port == 0 || *port > 65'535) return wrong;
  place.endpoint = {*address, static_cast<std::uint16_t>(*port)};
  return place;
}

std::string ServerPlace::text() const {
  return socket_path.empty() ? endpoint.text() : socket_path;
}

std::optional<std::string_view> ClientResponse::header(std::string_view name) const {
  return find_header(headers, name);
}

Client::Client(ServerPlace place, ClientLimits limits)
    : place_(std::move(place)), limits_(limits) {}

Fallible<ClientResponse> Client::request(Method method, std::string_view target,
                                         const std::vector<Header>& headers,
                                         std::string_view body) {
  const auto where = std::string(to_text(method)) + " " + std::string(target);
  auto message = message_text(method, target, place_, headers);
  if (!body.empty() || method == Method::post || method == Method::put) {
    message += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  message.append("\r\n").append(body);
  auto incoming = exchange(method, message);
  if (!incoming) return fail(incoming.error(), where);
  if (incoming->body_octets > limits_.max_body_octets) {
    stream_.close();
    return fail(where + ": the answer has " + std::to_string(incoming->body_octets) +
                " octets, more than the " + std::to_string(limits_.max_body_octets) + " allowed");
  }
  ClientResponse response{incoming->head.status, std::move(incoming->head.headers), {}};
  response.body.reserve(incoming->body_octets);
  const auto collected = read_body(*incoming, [&](ByteView octets) -> Fallible<void> {
    response.body += as_text(octets);
    return {};
  });
  if (!collected) return fail(collected.error(), where);
  return response;
}

std::expected<std::uint64_t, StreamFailure> Client::get_stream(std::string_view target,
                                                               const Part& part, const Sink& sink,
                                                               const std::vector<Header>& headers) {
  const auto where = "GET " + std::string(target);
  std::uint64_t delivered = 0;
  const auto broken = [&](const Error& error, int status) {
    return std::unexpected(StreamFailure{error.within(where), delivered, status});
  };
  if (part.octets && *part.octets == 0) return 0;  // no Range header can ask for nothing
  auto message = message_text(Method::get, target, place_, headers);
  if (!is_whole(part)) message += "Range: " + range_text(part) + "\r\n";
  auto incoming = exchange(Method::get, message + "\r\n");
  if (!incoming) return broken(incoming.error(), 0);
  if (!is_exactly(incoming->head, part)) {
    stream_.close();  // its body is of no use to anyone
    const auto status = incoming->head.status;
    const auto wanted = is_whole(part) ? "the file" : range_text(part);
    return broken(Error("asked for " + wanted + ", the server answered with status " +
                        std::to_string(status)),
                  status);
  }
  const auto taken = read_body(*incoming, [&](ByteView octets) -> Fallible<void> {
    auto stored = sink(octets);
    if (stored) delivered += octets.size();
    return stored;
  });
  if (!taken) return broken(taken.error(), 0);
  return delivered;
}

Fallible<void> Client::get_resumed(const std::string& target, std::uint64_t offset,
                                   std::uint64_t octets, const Resuming& how) {
  const auto end = offset + octets;
  bool stopped = false;
  const Sink pass_on = [&](ByteView piece) -> Fallible<void> {
    stopped = !how.sink(piece);
    if (stopped) return fail("the receiver stopped");
    return {};
  };
  for (unsigned idle_tries = 0; offset < end;) {
    const auto got = get_stream(target, {.offset = offset, .octets = end - offset}, pass_on);
    if (got) return {};
    const auto& failure = got.error();
    if (stopped) return std::unexpected(failure.error);
    if (is_final(failure.status)) return fail(failure.error, "fetching " + target);
    offset += failure.delivered_octets;
    idle_tries = failure.delivered_octets == 0 ? idle_tries + 1 : 1;
    if (!how.pause(idle_tries)) return fail(failure.error, "fetching " + target);
    // Nothing is given, but a receiver that failed meanwhile says so.
    if (!how.sink({})) return fail("the receiver stopped");
  }
  return {};
}

// Sends `message` and reads the head of its answer, over the connection kept from before or a new
// one.
Fallible<Client::Incoming> Client::exchange(Method method, const std::string& message) {
  const bool is_reused = stream_.is_connected() && in_.empty() && !stream_.is_stale();
  if (!is_reused) {
    const auto connected = connect();
    if (!connected) return std::unexpected(connected.error());
  }
  bool has_begun = false;
  auto incoming = try_exchange(message, has_begun);
  if (!incoming) stream_.close();
  if (!incoming && is_reused && !has_begun && method != Method::post) {
    const auto connected = connect();
    if (!connected) return std::unexpected(connected.error());
    incoming = try_exchange(message, has_begun);
    if (!incoming) stream_.close();
  }
  if (incoming && method == Method::head) incoming->body_octets = 0;
  return incoming;
}

Fallible<Client::Incoming> Client::try_exchange(const std::string& message, bool& has_begun) {
  const auto sent = stream_.send(message, limits_.stall);
  if (!sent) return std::unexpected(sent.error());
  while (true) {
    auto head = parse_response_head(in_);
    if (!head) return fail("the answer is not understood: " + head.error().message());
    if (*head) {
      in_.erase(0, (*head)->octets);
      if ((*head)->status < 200) continue;  // 100 Continue and its like announce the real answer
      const bool is_bare = (*head)->status == 204 || (*head)->status == 304;
      if (!is_bare && !(*head)->content_length) return fail("the answer does not tell its length");
      const auto octets = is_bare ? 0 : *(*head)->content_length;
      return Incoming{**std::move(head), octets};
    }
    const auto received = fill(has_begun ? limits_.stall : limits_.answer);
    if (!received) return std::unexpected(received.error());
    if (*received == 0) return fail("the server closed the connection before it answered");
    has_begun = true;
  }
}

Fallible<void> Client::connect() {
  in_.clear();
  auto stream = place_.socket_path.empty()
                    ? Stream::connect_tcp(place_.endpoint, limits_.connect)
                    : Stream::connect_unix(place_.socket_path, limits_.connect);
  if (!stream) return std::unexpected(stream.error());
  stream_ = *std::move(stream);
  return {};
}

// Appends what comes to in_, and gives how many octets that was.
Fallible<std::size_t> Client::fill(std::chrono::milliseconds patience) {
  const auto before = in_.size();
  in_.resize(before + kHeadReadOctets);
  const auto received = stream_.receive(std::span(in_).subspan(before), patience);
  in_.resize(before + received.value_or(0));
  return received;
}

Fallible<void> Client::read_body(const Incoming& incoming, const Sink& sink) {
  auto done = pass_on(incoming.body_octets, sink);
  if (!done || !incoming.head.keep_alive) stream_.close();
  return done;
}

// Gives `octets` of body to `sink`: first what came with the head, then straight from the socket.
Fallible<void> Client::pass_on(std::uint64_t octets, const Sink& sink) {
  const auto early = std::min<std::uint64_t>(octets, in_.size());
  if (early > 0) {
    auto stored = sink(as_bytes(std::string_view(in_).substr(0, early)));
    if (!stored) return stored;
    in_.erase(0, early);
  }
  if (octets > early) body_.resize(kBodyReadOctets);
  for (auto left = octets - early; left > 0;) {
    const auto wanted = std::min<std::uint64_t>(left, body_.size());
    const auto received = stream_.receive(std::span(body_).first(wanted), limits_.stall);
    if (!received) return std::unexpected(received.error());
    if (*received == 0) return fail("the server closed the connection too early");
    auto stored = sink(as_bytes(std::string_view(body_.data(), *received)));
    if (!stored) return stored;
    left -= *received;
  }
  return {};
}

}  // namespace slipway::http
