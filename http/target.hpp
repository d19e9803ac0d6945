// http/target.hpp -- the target of a request line: "/boot.ipxe?mac=52:54:..". RFC 9112 s.3.2.
//
// A path leaves here decoded and normalised, once, so that routes and logs see one spelling of
// every name. It is a name to look up, never a path of the file system.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace slipway::http {

struct Target {
  std::string path;   // decoded; starts with '/'; no "//", no "." or ".." segment, no control octet
  std::string query;  // raw text after the first '?'
};

// Takes origin-form ("/a?b") and absolute-form ("http://host/a?b", whose host is ignored as the
// Host header is). Duplicate slashes fold (shim asks "/dir//grubx64.efi"), ':' may stand raw
// (GRUB asks "/grub/grub.cfg-52:54:00:aa:00:01"). Fails with Errc::bad_target on everything else:
// ".." in any spelling, a malformed escape, an escaped slash or control octet, '#', '*'.
[[nodiscard]] Result<Target> parse_target(std::string_view raw);

// Replaces %XX escapes. What is no escape stays as it is, because iPXE and firmware put raw text
// such as "100%" into queries.
[[nodiscard]] std::string decode_query_text(std::string_view raw);

// The path as logs may show it: of the token in "/h/TOKEN/..." the first 6 characters.
[[nodiscard]] std::string path_for_log(std::string_view path);

}  // namespace slipway::http
