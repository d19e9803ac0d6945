// base/metrics.hpp -- what a server counts, written as Prometheus reads it: text format 0.0.4.
//
// A counter or a gauge is a plain number of whoever counts it: everything that decides runs on one
// thread, so nothing here is atomic. Counting allocates nothing; writing does, once a scrape.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace slipway::metrics {

// How often something took how long, in buckets with fixed upper bounds.
class Histogram {
 public:
  static constexpr std::size_t kMaxBounds = 20;

  // `bounds` in seconds, ascending, 1..kMaxBounds of them; refers to them, so they are constants.
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds) {}

  // Into the first bucket whose bound is not below `seconds`. What is negative counts as 0.
  void observe(double seconds);
  void observe(std::chrono::nanoseconds took) {
    observe(std::chrono::duration<double>(took).count());
  }

  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
  // Of one bucket alone, not of those below it; the last, after all bounds, is for the rest.
  [[nodiscard]] std::uint64_t in_bucket(std::size_t index) const { return buckets_[index]; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  std::span<const double> bounds_;
  std::array<std::uint64_t, kMaxBounds + 1> buckets_{};
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

enum class Kind : std::uint8_t { counter, gauge, histogram };

// A label's name is a constant of ours ([a-zA-Z_][a-zA-Z0-9_]*); its value may be any UTF-8.
using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::initializer_list<Label>;

// Writes one family after the other. All samples of a family follow its head; equal label sets
// must not come twice.
class Text {
 public:
  static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  // `name` after the rules of Prometheus: base units, counters end in _total. `help` is a sentence.
  void family(std::string_view name, Kind kind, std::string_view help);
  // A sample of the family at hand.
  void sample(Labels labels, std::uint64_t value);
  void sample(Labels labels, double value);
  // All samples of a histogram: its buckets, each with those below it, sum and count.
  void sample(Labels labels, const Histogram& histogram);
  // A family of one sample without labels.
  void single(std::string_view name, Kind kind, std::string_view help, double value);

  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  void line(std::string_view suffix, std::span<const Label> labels, std::string_view value,
            std::string_view less_or_equal = {});

  std::string text_;
  std::string name_;
};

}  // namespace slipway::metrics
