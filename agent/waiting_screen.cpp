#include "agent/waiting_screen.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "agent/parameters.hpp"
#include "base/progress.hpp"

namespace slipway::agent {
namespace {

constexpr std::size_t kColumns = 76;  // 80 without the margin of a block
constexpr std::size_t kQuietModules = 4;
constexpr std::size_t kGap = 2;  // between the code and the text beside it

// Two rows of pixels as one line: what is '1' is lit.
std::string half_blocks(std::string_view upper, std::string_view lower) {
  std::string line;
  for (std::size_t at = 0; at < upper.size(); ++at) {
    const bool above = upper[at] == '1', below = lower[at] == '1';
    line += above && below ? "\u2588" : above ? "\u2580" : below ? "\u2584" : " ";
  }
  return line;
}

std::vector<std::string> half_blocks(std::vector<std::string> pixels) {
  if (pixels.size() % 2 != 0) pixels.emplace_back(pixels.front().size(), '0');
  std::vector<std::string> lines;
  for (std::size_t row = 0; row < pixels.size(); row += 2) {
    lines.push_back(half_blocks(pixels[row], pixels[row + 1]));
  }
  return lines;
}

// 5 x 7 pixels: seven rows of five bits, the leftmost the highest. 0-9, then a-z.
constexpr std::array<std::array<std::uint8_t, 7>, 36> kGlyphs{{
    {14, 17, 19, 21, 25, 17, 14}, {4, 12, 4, 4, 4, 4, 14},      {14, 17, 1, 2, 4, 8, 31},
    {31, 2, 4, 2, 1, 17, 14},     {2, 6, 10, 18, 31, 2, 2},     {31, 16, 30, 1, 1, 17, 14},
    {6, 8, 16, 30, 17, 17, 14},   {31, 1, 2, 4, 8, 8, 8},       {14, 17, 17, 14, 17, 17, 14},
    {14, 17, 17, 15, 1, 2, 12},   {14, 17, 17, 31, 17, 17, 17}, {30, 17, 17, 30, 17, 17, 30},
    {14, 17, 16, 16, 16, 17, 14}, {28, 18, 17, 17, 17, 18, 28}, {31, 16, 16, 30, 16, 16, 31},
    {31, 16, 16, 30, 16, 16, 16}, {14, 17, 16, 23, 17, 17, 15}, {17, 17, 17, 31, 17, 17, 17},
    {14, 4, 4, 4, 4, 4, 14},      {7, 2, 2, 2, 2, 18, 12},      {17, 18, 20, 24, 20, 18, 17},
    {16, 16, 16, 16, 16, 16, 31}, {17, 27, 21, 21, 17, 17, 17}, {17, 17, 25, 21, 19, 17, 17},
    {14, 17, 17, 17, 17, 17, 14}, {30, 17, 17, 30, 16, 16, 16}, {14, 17, 17, 17, 21, 18, 13},
    {30, 17, 17, 30, 20, 18, 17}, {15, 16, 16, 14, 1, 1, 30},   {31, 4, 4, 4, 4, 4, 4},
    {17, 17, 17, 17, 17, 17, 14}, {17, 17, 17, 17, 17, 10, 4},  {17, 17, 17, 21, 21, 21, 10},
    {17, 17, 10, 4, 10, 17, 17},  {17, 17, 17, 10, 4, 4, 4},    {31, 1, 2, 4, 8, 16, 31},
}};

const std::array<std::uint8_t, 7>* glyph_of(char c) {
  if (c >= '0' && c <= '9') return &kGlyphs[static_cast<std::size_t>(c - '0')];
  if (c >= 'a' && c <= 'z') return &kGlyphs[static_cast<std::size_t>(c - 'a') + 10];
  return nullptr;
}

// `text` in lines of at most `columns`, broken at blanks; a longer word stands alone.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (!line.empty() && line.size() + 1 + word.size() > columns) {
      lines.push_back(std::move(line));
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  if (!line.empty()) lines.push_back(std::move(line));
  return lines;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// One fact, its label in the first 8 columns; nothing when there is no value.
class Facts {
 public:
  explicit Facts(std::size_t columns) : columns_(columns) {}

  void add(std::string label, std::string_view value) {
    label.resize(kLabelColumns, ' ');
    for (const auto& part : wrapped(value, columns_ - kLabelColumns)) {
      lines_.push_back(label + part);
      label.assign(kLabelColumns, ' ');
    }
  }
  // The one that booted first.
  void add_nics(const WaitingScreen& screen) {
    for (const bool booted : {true, false}) {
      for (const auto& nic : screen.inventory.nics) {
        if ((lower(nic.mac) == screen.boot_mac) != booted) continue;
        add("MAC",
            nic.mac + " " + nic.name + (booted ? " booted" : "") + (nic.link ? " link" : ""));
      }
    }
  }
  void say(std::string_view text) {
    lines_.emplace_back();
    for (auto& line : wrapped(text, columns_)) lines_.push_back(std::move(line));
  }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  static constexpr std::size_t kLabelColumns = 8;
  std::size_t columns_;
  std::vector<std::string> lines_;
};

std::vector<std::string> facts_of(const WaitingScreen& screen, std::size_t columns) {
  const auto& inventory = screen.inventory;
  Facts facts(columns);
  facts.add("ID", screen.registration.id);
  facts.add("Name", screen.hold.name);
  facts.add_nics(screen);
  facts.add("Serial", inventory.serial);
  facts.add("Model", inventory.manufacturer + " " + inventory.product);
  facts.add("Server", screen.server);
  for (const auto& disk : inventory.disks) {
    facts.add("Disk", disk.path + " " + disk.type + " " + human_octets(disk.size_octets));
  }
  facts.say(screen.hold.text.empty() ? "It waits for its orders." : screen.hold.text);
  return facts.lines();
}

}  // namespace

std::vector<std::string> draw_qr(const std::vector<std::string>& rows) {
  if (rows.empty()) return {};
  const auto width = rows.size() + 2 * kQuietModules;
  std::vector<std::string> lit(kQuietModules, std::string(width, '1'));
  for (const auto& row : rows) {
    if (row.size() != rows.size()) return {};
    std::string line(width, '1');
    std::ranges::transform(row, line.begin() + kQuietModules,
                           [](char module) { return module == '1' ? '0' : '1'; });
    lit.push_back(std::move(line));
  }
  lit.insert(lit.end(), kQuietModules, std::string(width, '1'));
  return half_blocks(std::move(lit));
}

std::vector<std::string> draw_large(std::string_view id) {
  std::vector<std::string> pixels(7);
  for (const char c : id) {
    const auto* glyph = glyph_of(c);
    if (glyph == nullptr) continue;
    for (std::size_t row = 0; row < pixels.size(); ++row) {
      for (unsigned bit = 5; bit-- > 0;) {
        pixels[row] += ((*glyph)[row] >> bit & 1U) != 0 ? '1' : '0';
      }
      pixels[row] += '0';
    }
  }
  return pixels.front().empty() ? std::vector<std::string>{} : half_blocks(std::move(pixels));
}

std::vector<std::string> waiting_lines(const WaitingScreen& screen) {
  const auto code = draw_qr(screen.registration.qr);
  const auto taken = code.empty() ? 0 : screen.registration.qr.size() + 2 * kQuietModules + kGap;
  const auto facts = facts_of(screen, kColumns - std::min(taken, kColumns / 2));
  std::vector<std::string> lines = {"Slipway: this host is ready and waits.", ""};
  if (code.empty()) {
    for (auto& line : draw_large(screen.registration.id)) lines.push_back(std::move(line));
    lines.emplace_back();
    lines.insert(lines.end(), facts.begin(), facts.end());
  }
  for (std::size_t row = 0; !code.empty() && row < std::max(code.size(), facts.size()); ++row) {
    auto line = row < code.size() ? code[row] : std::string(taken - kGap, ' ');
    if (row < facts.size()) line += std::string(kGap, ' ') + facts[row];
    lines.push_back(std::move(line));
  }
  if (!screen.registration.url.empty()) lines.push_back(screen.registration.url);
  return lines;
}

std::string boot_mac_of(std::string_view command_line) {
  auto value = lower(command_line_value(command_line, "BOOTIF"));
  if (value.size() == 20 && value.starts_with("01-")) value.erase(0, 3);
  std::ranges::replace(value, '-', ':');
  return value.size() == 17 ? value : std::string();
}

}  // namespace slipway::agent
