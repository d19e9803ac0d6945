#include "http/message.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>

#include "http/head.hpp"
#include "http/target.hpp"
#include "http/text.hpp"

namespace slipway::http {
namespace {

boost::json::string_view to_json(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

std::string_view to_text(Method method) {
  switch (method) {
    case Method::get: return "GET";
    case Method::head: return "HEAD";
    case Method::post: return "POST";
    case Method::put: return "PUT";
    case Method::del: return "DELETE";
    case Method::other: return "OTHER";
  }
  return "OTHER";
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  return find_header(headers, name);
}

std::optional<std::string> Request::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    const auto key = pair.substr(0, equals);
    // Hardly any key has an escape: only such a one is worth a string of its own.
    if (key.contains('%') ? decode_query_text(key) != name : key != name) continue;
    return decode_query_text(pair.substr(std::min(equals + 1, pair.size())));
  }
  return std::nullopt;
}

Fallible<std::shared_ptr<const File>> File::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return fail_errno("opening " + path, errno);
  struct stat status{};
  const bool known = ::fstat(descriptor, &status) == 0;
  if (known && S_ISREG(status.st_mode)) {
    return std::shared_ptr<const File>(
        new File(descriptor, static_cast<std::uint64_t>(status.st_size), status.st_mtime));
  }
  const int reason = known ? EINVAL : errno;
  (void)::close(descriptor);  // opened for reading: nothing can be lost
  if (known) return fail("opening " + path + ": not a regular file");
  return fail_errno("opening " + path, reason);
}

File::File(int descriptor, std::uint64_t size_octets, std::time_t modified)
    : descriptor_(descriptor), size_octets_(size_octets), modified_(modified) {}

File::~File() { (void)::close(descriptor_); }  // opened for reading: nothing can be lost

std::string_view content_type_of(std::string_view file_name) {
  struct Row {
    std::string_view ending;
    std::string_view type;
  };
  constexpr std::array<Row, 3> kTypes{{{".efi", "application/efi"},
                                       {".iso", "application/vnd.efi-iso"},
                                       {".img", "application/vnd.efi-img"}}};
  for (const auto& [ending, type] : kTypes) {
    if (file_name.size() < ending.size()) continue;
    const auto last = file_name.substr(file_name.size() - ending.size());
    if (equal_ignoring_case(last, ending)) return type;
  }
  return "application/octet-stream";
}

Response Response::text(int status, std::string_view content_type, std::string body) {
  Response response;
  response.status = status;
  response.headers.push_back({"Content-Type", std::string(content_type)});
  response.body = std::move(body);
  return response;
}

Response Response::problem(int status, std::string_view title, std::string_view detail) {
  const boost::json::object document{{"type", "about:blank"},
                                     {"title", to_json(title)},
                                     {"status", status},
                                     {"detail", to_json(detail)}};
  return text(status, "application/problem+json", boost::json::serialize(document));
}

}  // namespace slipway::http
