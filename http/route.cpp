#include "http/route.hpp"

#include <algorithm>

namespace slipway::http {
namespace {

// Cuts the next segment off a path or pattern: what stands before the next slash.
std::string_view take_segment(std::string_view& path) {
  const auto end = std::min(path.find('/'), path.size());
  const auto segment = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return segment;
}

bool is_part(std::string_view segment) { return segment.starts_with('{'); }

std::size_t count_slashes(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count(text, '/'));
}

bool is_rest(std::string_view segment) { return segment.ends_with("...}"); }

bool matches(std::string_view pattern, std::string_view path) {
  const bool open_ended = is_rest(pattern);
  if (!open_ended && count_slashes(pattern) != count_slashes(path)) return false;
  while (!pattern.empty() || !path.empty()) {
    const auto expected = take_segment(pattern);
    if (is_rest(expected)) return !path.empty();
    const auto found = take_segment(path);
    if (is_part(expected) ? found.empty() : expected != found) return false;
  }
  return true;
}

// What the {parts} of `pattern`, which matches, cover in `path`.
std::vector<std::string> captures_of(std::string_view pattern, std::string_view path) {
  std::vector<std::string> captures;
  while (!pattern.empty()) {
    const auto expected = take_segment(pattern);
    const bool wanted = is_part(expected);
    const auto found = is_rest(expected) ? path : take_segment(path);
    if (wanted) captures.emplace_back(found);
  }
  return captures;
}

}  // namespace

void Router::add(Method method, std::string_view pattern, Handler handler,
                 std::size_t max_body_octets) {
  routes_.push_back({method, std::string(pattern), std::move(handler), max_body_octets});
}

Match Router::match(Method method, std::string_view path) const {
  const auto wanted = method == Method::head ? Method::get : method;
  Match result;
  for (const auto& route : routes_) {
    if (!matches(route.pattern, path)) continue;
    if (route.method == wanted) {
      return {&route.handler, 200, route.max_body_octets, captures_of(route.pattern, path), {}};
    }
    result.status = 405;
    if (!result.allow.empty()) result.allow += ", ";
    result.allow += route.method == Method::get ? "GET, HEAD" : to_text(route.method);
  }
  return result;
}

}  // namespace slipway::http
