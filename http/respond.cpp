#include "http/respond.hpp"

#include <algorithm>
#include <array>

#include "base/crypto.hpp"
#include "http/date.hpp"
#include "http/head.hpp"
#include "http/range.hpp"
#include "http/text.hpp"

namespace slipway::http {
namespace {

struct Reason {
  int status;
  std::string_view text;
};

constexpr std::array<Reason, 28> kReasons{{{100, "Continue"},
                                           {200, "OK"},
                                           {201, "Created"},
                                           {202, "Accepted"},
                                           {204, "No Content"},
                                           {206, "Partial Content"},
                                           {303, "See Other"},
                                           {304, "Not Modified"},
                                           {400, "Bad Request"},
                                           {401, "Unauthorized"},
                                           {403, "Forbidden"},
                                           {404, "Not Found"},
                                           {405, "Method Not Allowed"},
                                           {408, "Request Timeout"},
                                           {409, "Conflict"},
                                           {410, "Gone"},
                                           {411, "Length Required"},
                                           {412, "Precondition Failed"},
                                           {413, "Content Too Large"},
                                           {414, "URI Too Long"},
                                           {416, "Range Not Satisfiable"},
                                           {417, "Expectation Failed"},
                                           {422, "Unprocessable Content"},
                                           {431, "Request Header Fields Too Large"},
                                           {500, "Internal Server Error"},
                                           {501, "Not Implemented"},
                                           {503, "Service Unavailable"},
                                           {505, "HTTP Version Not Supported"}}};

// A value that a handler made of somebody's text must not begin a line of its own.
void append_header(std::string& head, std::string_view name, std::string_view value) {
  constexpr std::string_view kEndsOfLines("\r\n\0", 3);
  head.append(name).append(": ");
  const auto begin = head.size();
  head.append(value);
  for (auto at = head.find_first_of(kEndsOfLines, begin); at != std::string::npos;
       at = head.find_first_of(kEndsOfLines, at)) {
    head[at] = ' ';
  }
  head.append("\r\n");
}

std::string content_range(const Range& range, std::uint64_t size_octets) {
  return "bytes " + std::to_string(range.offset) + "-" +
         std::to_string(range.offset + range.octets - 1) + "/" + std::to_string(size_octets);
}

// The body on its way to the wire: pieces, with the lengths that the head will name.
struct Body {
  std::vector<std::variant<std::string, FileSlice>> pieces;
  std::uint64_t octets = 0;

  void add(std::string text) {
    octets += text.size();
    pieces.emplace_back(std::move(text));
  }
  void add(const FileBody& source, const Range& range) {
    if (range.octets == 0) return;  // an empty file: a piece of nothing would hold the head back
    octets += range.octets;
    pieces.emplace_back(FileSlice{source.file, range.offset, range.octets});
  }
};

void set_header(std::vector<Header>& headers, std::string_view name, std::string value) {
  std::erase_if(headers, [&](const Header& h) { return equal_ignoring_case(h.name, name); });
  headers.push_back({std::string(name), std::move(value)});
}

// RFC 9110 s.14.6: each range as a part of its own, with its type and place.
Body multipart(Response& response, const FileBody& source, const std::vector<Range>& ranges) {
  // Random, so that no file can hold it on purpose.
  const auto boundary = random_hex(16);
  const std::string type(find_header(response.headers, "Content-Type").value_or(""));
  Body body;
  for (const auto& range : ranges) {
    std::string part = "\r\n--" + boundary + "\r\n";
    if (!type.empty()) append_header(part, "Content-Type", type);
    append_header(part, "Content-Range", content_range(range, source.file->size_octets()));
    body.add(part + "\r\n");
    body.add(source, range);
  }
  body.add("\r\n--" + boundary + "--\r\n");
  set_header(response.headers, "Content-Type", "multipart/byteranges; boundary=" + boundary);
  return body;
}

// An answer that replaces the file because the request cannot have it.
Body refuse_file(Response& response, int status, std::uint64_t size_octets) {
  auto problem =
      status == 416
          ? Response::problem(416, reason_of(416),
                              "the file has " + std::to_string(size_octets) +
                                  " octets and none of the ranges asked for lies inside it")
          : Response::problem(
                412, reason_of(412),
                "the file changed since its ETag or date was read: download it afresh");
  if (status == 416) {
    problem.headers.push_back({"Content-Range", "bytes */" + std::to_string(size_octets)});
  }
  response.headers = std::move(problem.headers);
  Body body;
  body.add(std::move(std::get<std::string>(problem.body)));
  return body;
}

Body file_body(const Request& request, Response& response, const FileBody& source) {
  const auto size_octets = source.file->size_octets();
  const auto selection = select(request, {source.etag, source.modified}, size_octets);
  response.status = selection.status;
  if (selection.status == 412 || selection.status == 416) {
    return refuse_file(response, selection.status, size_octets);
  }
  if (!source.etag.empty()) set_header(response.headers, "ETag", source.etag);
  if (source.modified) set_header(response.headers, "Last-Modified", http_date(*source.modified));
  set_header(response.headers, "Accept-Ranges", "bytes");
  if (selection.ranges.size() > 1) return multipart(response, source, selection.ranges);
  Body body;
  if (selection.status == 206) {
    const auto& range = selection.ranges.front();
    set_header(response.headers, "Content-Range", content_range(range, size_octets));
    body.add(source, range);
  } else if (selection.status == 200) {
    body.add(source, Range{0, size_octets});
  }
  return body;
}

// A file that a handler sends with another status than 200 is a page, not a thing to cut up.
Body body_of(const Request& request, Response& response) {
  if (const auto* source = std::get_if<FileBody>(&response.body)) {
    if (response.status == 200) return file_body(request, response, *source);
    Body body;
    body.add(*source, Range{0, source->file->size_octets()});
    return body;
  }
  Body body;
  body.add(std::move(std::get<std::string>(response.body)));
  return body;
}

// RFC 9110 s.8.6: these have no content, and no Content-Length that could be mistaken for one.
bool has_no_content(int status) { return status == 204 || status == 304; }

// With room for `more` octets behind it.
std::string head_text(const Response& response, const Delivery& delivery, std::uint64_t body_octets,
                      std::size_t more) {
  constexpr std::size_t kUsualOctets = 320;
  std::string head;
  head.reserve(kUsualOctets + more);
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(reason_of(response.status)).append("\r\n");
  append_header(head, "Date", delivery.date);
  for (const auto& [name, value] : response.headers) append_header(head, name, value);
  if (!has_no_content(response.status)) {
    append_header(head, "Content-Length", std::to_string(body_octets));
  }
  if (!delivery.keep_alive) {
    append_header(head, "Connection", "close");
  } else if (delivery.is_http_1_0) {
    append_header(head, "Connection", "keep-alive");
  }
  return head += "\r\n";
}

}  // namespace

Wire respond(const Request& request, Response response, const Delivery& delivery) {
  auto body = body_of(request, response);
  Wire wire;
  wire.status = response.status;
  if (request.method == Method::head || has_no_content(response.status)) {
    wire.pieces.emplace_back(head_text(response, delivery, body.octets, 0));
    return wire;
  }
  wire.body_octets = body.octets;
  // A short body rides in the same buffer as the head: one system call, one segment.
  constexpr std::size_t kShortOctets = 16'384;
  auto* text = body.pieces.empty() ? nullptr : std::get_if<std::string>(&body.pieces.front());
  const bool is_short = text != nullptr && text->size() <= kShortOctets;
  auto head = head_text(response, delivery, body.octets, is_short ? text->size() : 0);
  wire.pieces = std::move(body.pieces);
  if (is_short) {
    head += *text;
    *text = std::move(head);
  } else {
    wire.pieces.insert(wire.pieces.begin(), std::move(head));
  }
  return wire;
}

std::string_view reason_of(int status) {
  const auto* found = std::ranges::find(kReasons, status, &Reason::status);
  return found == kReasons.end() ? std::string_view() : found->text;
}

}  // namespace slipway::http
