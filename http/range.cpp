#include "http/range.hpp"

#include <algorithm>
#include <optional>

#include "http/date.hpp"
#include "http/text.hpp"

namespace slipway::http {
namespace {

constexpr std::size_t kMaxRanges = 32;

// One member of a range set as written: "first-last", "first-" or "-suffix".
struct Wish {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;  // without `first`: the length of the suffix
};

std::optional<Wish> parse_wish(std::string_view text) {
  const auto hyphen = text.find('-');
  if (hyphen == std::string_view::npos) return std::nullopt;
  const auto first_text = text.substr(0, hyphen);
  const auto last_text = text.substr(hyphen + 1);
  const Wish wish{parse_decimal(first_text), parse_decimal(last_text)};
  const bool broken = (!wish.first && !first_text.empty()) || (!wish.last && !last_text.empty()) ||
                      (!wish.first && !wish.last) ||
                      (wish.first && wish.last && *wish.last < *wish.first);
  if (broken) return std::nullopt;
  return wish;
}

// The part of the file that `wish` covers; nullopt when none is.
std::optional<Range> resolve(const Wish& wish, std::uint64_t size_octets) {
  if (!wish.first) {
    const auto octets = std::min(*wish.last, size_octets);
    if (octets == 0) return std::nullopt;
    return Range{size_octets - octets, octets};
  }
  if (*wish.first >= size_octets) return std::nullopt;
  const auto last = std::min(wish.last.value_or(size_octets - 1), size_octets - 1);
  return Range{*wish.first, last - *wish.first + 1};
}

std::string_view without_unit(std::string_view range) {
  constexpr std::string_view kUnit = "bytes=";
  if (!equal_ignoring_case(range.substr(0, kUnit.size()), kUnit)) return {};
  return range.substr(kUnit.size());
}

// A weak validator ("W/...") may say "not modified", but never vouches for single octets.
bool is_weak(std::string_view etag) { return etag.starts_with("W/"); }

std::string_view opaque(std::string_view etag) { return etag.substr(is_weak(etag) ? 2 : 0); }

bool matches_strongly(std::string_view list, std::string_view etag) {
  if (list == "*") return true;
  return !is_weak(etag) && has_member(list, etag);
}

bool matches_weakly(std::string_view list, std::string_view etag) {
  if (list == "*") return true;
  while (!list.empty()) {
    if (opaque(take_member(list)) == opaque(etag)) return true;
  }
  return false;
}

// What the header says, when it can be read; dates have no parts of a second.
std::optional<std::time_t> date_in(const Request& request, std::string_view name) {
  const auto value = request.header(name);
  return value ? parse_http_date(*value) : std::nullopt;
}

// Whether the file is the one that the client has a part of.
bool is_unchanged(const Request& request, const Validators& file) {
  const auto if_match = request.header("If-Match");
  if (if_match && !file.etag.empty()) return matches_strongly(*if_match, file.etag);
  if (if_match || !file.modified) return true;
  const auto since = date_in(request, "If-Unmodified-Since");
  return !since || *file.modified <= *since;
}

// Whether the client has the whole file already.
bool is_known(const Request& request, const Validators& file) {
  const auto if_none_match = request.header("If-None-Match");
  if (if_none_match && !file.etag.empty()) return matches_weakly(*if_none_match, file.etag);
  if (if_none_match || !file.modified) return false;
  const auto since = date_in(request, "If-Modified-Since");
  return since && *file.modified <= *since;
}

// If-Range vouches for single octets: a strong ETag, or our date to the second.
bool vouches(std::string_view if_range, const Validators& file) {
  if (!file.etag.empty() && if_range == file.etag) return !is_weak(file.etag);
  return file.modified && parse_http_date(if_range) == file.modified;
}

}  // namespace

Selection select_ranges(std::string_view range, std::uint64_t size_octets) {
  auto list = without_unit(range);
  Selection selection{206, {}};
  std::uint64_t total_octets = 0;
  std::size_t wishes = 0;
  while (!list.empty()) {
    const auto wish = parse_wish(take_member(list));
    if (!wish || ++wishes > kMaxRanges) return {};
    const auto found = resolve(*wish, size_octets);
    if (!found) continue;
    total_octets += found->octets;
    selection.ranges.push_back(*found);
  }
  if (wishes == 0 || total_octets > size_octets) return {};
  if (selection.ranges.empty()) selection.status = 416;
  return selection;
}

Selection select(const Request& request, const Validators& validators, std::uint64_t size_octets) {
  if (!is_unchanged(request, validators)) return {412, {}};
  if (is_known(request, validators)) return {304, {}};
  // Range is defined for GET alone (RFC 9110 s.14.2).
  const auto range = request.header("Range");
  if (!range || request.method != Method::get) return {};
  const auto if_range = request.header("If-Range");
  if (if_range && !vouches(*if_range, validators)) return {};
  return select_ranges(*range, size_octets);
}

}  // namespace slipway::http
