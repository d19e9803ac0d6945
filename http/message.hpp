// http/message.hpp -- requests and answers as handlers see them. RFC 9110, RFC 9112.
//
// Plain values without a socket: what reads them from the wire is connection.hpp, what they
// mean is provisioning/routes.hpp.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/net.hpp"
#include "base/result.hpp"

namespace slipway::http {

enum class Method : std::uint8_t { get, head, post, put, del, other };

[[nodiscard]] std::string_view to_text(
    Method method);  // "DELETE"; "OTHER" for what has no name here

// Who sent a request. On a UNIX socket the kernel names the user (SO_PEERCRED) and the
// addresses are zero.
struct Peer {
  Ipv4 address;
  std::uint16_t port = 0;
  std::optional<std::uint32_t> unix_user;
};

struct Header {
  std::string name;
  std::string value;
};

struct Request {
  Method method = Method::get;
  std::string path;   // percent-decoded, always starts with '/', duplicate slashes folded, no ".."
  std::string query;  // raw text after '?'
  std::vector<Header> headers;
  std::string body;  // bounded by the route
  Peer peer;
  Ipv4 local_address;  // our address that the client reached
  std::uint16_t local_port = 0;
  std::vector<std::string> captures;  // what the {parts} of the route's pattern matched, in order

  // The value of the first header `name`, whatever its case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  // The percent-decoded value of the first query parameter `name` ('+' stays '+': firmware and
  // iPXE write it raw).
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

// An open file that answers share. Never changes while it is open.
class File {
 public:
  // Fails with a sentence that names the path.
  [[nodiscard]] static Fallible<std::shared_ptr<const File>> open(const std::string& path);
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::uint64_t size_octets() const { return size_octets_; }
  [[nodiscard]] std::time_t modified() const { return modified_; }  // seconds since 1970

 private:
  File(int descriptor, std::uint64_t size_octets, std::time_t modified);
  int descriptor_;
  std::uint64_t size_octets_;
  std::time_t modified_;
};

// A whole file as a body: the connection applies Range, If-Range and preconditions by `etag` and
// `modified`, and sends it without copying.
struct FileBody {
  std::shared_ptr<const File> file{};
  std::string etag{};                     // with its quotes; empty: none
  std::optional<std::time_t> modified{};  // for Last-Modified; what a digest names needs none
};

// The Content-Type of a file by the end of its name: what UEFI HTTP Boot goes by for boot programs
// (UEFI 2.10 s.24.7.3.1), application/octet-stream for all the rest.
[[nodiscard]] std::string_view content_type_of(std::string_view file_name);

struct Response {
  int status = 200;
  std::vector<Header> headers;  // Content-Length, Date, Connection and Range headers are added
  std::variant<std::string, FileBody> body;

  [[nodiscard]] static Response text(int status, std::string_view content_type, std::string body);
  // An RFC 9457 problem document; `detail` says what is wrong and what to do.
  [[nodiscard]] static Response problem(int status, std::string_view title,
                                        std::string_view detail);
};

}  // namespace slipway::http
