// images/import/download.hpp -- one file over http or https, whole or not at all.
//
// What came of it is kept in a PartFile: after a broken connection or a killed process it goes on
// where it stopped (RFC 9110 s.14: Range, If-Range). When the source has changed meanwhile, cannot
// tell, or does not know ranges, it begins anew. A part never leaves this file under another name.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "images/import/part_file.hpp"
#include "images/import/web.hpp"

namespace slipway::images {

struct DownloadRequest {
  WebRequest source;
  std::filesystem::path folder;              // where parts are kept
  std::string key = {};                      // names the part; empty: source.url
  std::optional<Sha256> sha256 = {};         // the content must hash to
  std::optional<std::uint64_t> octets = {};  // the content must have
  std::uint64_t max_octets = std::uint64_t{1} << 42;
  // Gives another authorization when the server says 401; empty: there is none. Asked once for
  // each try that was begun.
  std::function<Fallible<Secret>()> renew = {};
  std::chrono::milliseconds first_pause{500};  // before a further try; doubles up to 8 s
  // Octets that are there, of the whole (0: not known). False stops.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress =
      [](std::uint64_t, std::uint64_t) { return true; };
};

struct Downloaded {
  PartFile file;  // whole and durable; its taker removes it
  Sha256 sha256;
};

// Gives up after five tries in a row that brought nearly nothing, when the source changes for the
// third time, and at once for what another try would not mend.
[[nodiscard]] Fallible<Downloaded> download(const WebOptions& options,
                                            const DownloadRequest& request);

// "bytes 100-199/1000", RFC 9110 s.14.4. nullopt for anything else, unknown sizes included.
struct ContentRange {
  std::uint64_t first = 0, last = 0, octets = 0;
  bool operator==(const ContentRange&) const = default;
};
[[nodiscard]] std::optional<ContentRange> parse_content_range(std::string_view text);

}  // namespace slipway::images
