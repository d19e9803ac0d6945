// A second opinion on QR codes: zbarimg, which has nothing in common with the library that makes
// them.
#pragma once

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace slipway::test {

// The text of the code that `rows` ('1' dark, with their quiet zone) draw, 4 x 4 pixels a module;
// what zbarimg says when it reads none.
inline std::string read_qr(const std::vector<std::string>& rows) {
  constexpr std::size_t kPixels = 4;
  std::string name = std::filesystem::temp_directory_path() / "slipway-qr-XXXXXX";
  const int descriptor = ::mkstemp(name.data());
  if (descriptor < 0) return "no temporary file";
  ::close(descriptor);
  std::ofstream image(name);
  image << "P1\n" << rows.front().size() * kPixels << " " << rows.size() * kPixels << "\n";
  for (const auto& row : rows) {
    for (std::size_t line = 0; line < kPixels; ++line) {
      for (const char module : row) image << std::string(kPixels, module);
      image << "\n";
    }
  }
  image.close();
  const auto command = "zbarimg --quiet --raw --nodbus pbm:" + name + " 2>&1";
  std::string text;
  if (auto* pipe = ::popen(command.c_str(), "r")) {
    std::array<char, 4096> part{};
    while (const auto octets = std::fread(part.data(), 1, part.size(), pipe)) {
      text.append(part.data(), octets);
    }
    if (::pclose(pipe) != 0) text = "zbarimg failed: " + text;
  }
  std::filesystem::remove(name);
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace slipway::test
