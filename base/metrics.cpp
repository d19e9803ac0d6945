#include "base/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace slipway::metrics {
namespace {

// A backslash and a line feed, and in label values the quote, too.
void put_escaped(std::string& out, std::string_view text, bool is_quoted) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && is_quoted) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

template <class Number>
std::string text_of(Number number) {
  std::array<char, 32> room{};
  const auto end = std::to_chars(room.data(), room.data() + room.size(), number).ptr;
  return {room.data(), end};
}

// to_chars writes "inf" and "nan", which the format spells otherwise.
std::string value_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return text_of(value);
}

void put_label(std::string& out, const Label& label) {
  out.append(label.first).append("=\"");
  put_escaped(out, label.second, true);
  out += '"';
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::counter: return "counter";
    case Kind::gauge: return "gauge";
    case Kind::histogram: return "histogram";
  }
  return {};
}

}  // namespace

void Histogram::observe(double seconds) {
  seconds = std::max(seconds, 0.0);
  const auto place = std::ranges::lower_bound(bounds_, seconds) - bounds_.begin();
  ++buckets_[static_cast<std::size_t>(place)];
  ++count_;
  sum_ += seconds;
}

void Text::family(std::string_view name, Kind kind, std::string_view help) {
  name_ = name;
  text_.append("# HELP ").append(name).append(" ");
  put_escaped(text_, help, false);
  text_.append("\n# TYPE ").append(name).append(" ").append(name_of(kind)).append("\n");
}

void Text::line(std::string_view suffix, std::span<const Label> labels, std::string_view value,
                std::string_view less_or_equal) {
  text_.append(name_).append(suffix);
  char before = '{';
  for (const auto& label : labels) {
    text_ += std::exchange(before, ',');
    put_label(text_, label);
  }
  if (!less_or_equal.empty()) {
    text_ += std::exchange(before, ',');
    put_label(text_, {"le", less_or_equal});
  }
  if (before == ',') text_ += '}';
  text_.append(" ").append(value).append("\n");
}

void Text::sample(Labels labels, std::uint64_t value) { line("", labels, text_of(value)); }

void Text::sample(Labels labels, double value) { line("", labels, value_text(value)); }

void Text::sample(Labels labels, const Histogram& histogram) {
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < histogram.bounds().size(); ++i) {
    so_far += histogram.in_bucket(i);
    line("_bucket", labels, text_of(so_far), value_text(histogram.bounds()[i]));
  }
  line("_bucket", labels, text_of(histogram.count()), "+Inf");
  line("_sum", labels, value_text(histogram.sum()));
  line("_count", labels, text_of(histogram.count()));
}

void Text::single(std::string_view name, Kind kind, std::string_view help, double value) {
  family(name, kind, help);
  sample({}, value);
}

}  // namespace slipway::metrics
