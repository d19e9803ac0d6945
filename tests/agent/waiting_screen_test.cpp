#include "agent/waiting_screen.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/qr_reader.hpp"

using namespace slipway;
using namespace slipway::agent;

namespace {

// "http://d/r/7k3m9xq2", as libqrencode 4.1.1 encodes it.
const std::vector<std::string> kRows = {
    "1111111000101010101111111", "1000001010100001001000001", "1011101000001011001011101",
    "1011101011101100101011101", "1011101001000010101011101", "1000001011011101101000001",
    "1111111010101010101111111", "0000000001110001000000000", "1111101111010000110101010",
    "1000110100101100010100010", "1011111000100111101111011", "1010110000001101100110001",
    "1001111011101010001010111", "1101110101000000100001010", "1001001101111001110001011",
    "1011010011110010010101001", "1000011101110001111110100", "0000000011101110100011100",
    "1111111010100110101011111", "1000001001101101100011010", "1011101010101011111111101",
    "1011101011000000101010111", "1011101011011001110100101", "1000001011110011111111001",
    "1111111010010000010111111",
};

// What a camera sees of the drawn lines: bright blocks are light modules.
std::vector<std::string> seen(const std::vector<std::string>& lines) {
  std::vector<std::string> rows;
  for (const auto& line : lines) {
    std::string upper, lower;
    for (std::size_t at = 0; at < line.size();) {
      const auto block = line[at] == ' ' ? line.substr(at, 1) : line.substr(at, 3);
      at += block.size();
      upper += block == "\u2588" || block == "\u2580" ? '0' : '1';
      lower += block == "\u2588" || block == "\u2584" ? '0' : '1';
    }
    rows.push_back(upper);
    rows.push_back(lower);
  }
  return rows;
}

WaitingScreen screen_of(std::vector<std::string> qr) {
  WaitingScreen screen;
  screen.registration = {"h1", "7k3m9xq2", "", std::move(qr)};
  screen.hold = {"h1", "assigned", "Assigned, but not armed.", "", false, ""};
  screen.server = "http://10.0.0.2:8080";
  screen.boot_mac = "52:54:00:aa:00:02";
  screen.inventory.nics = {{"eth0", "52:54:00:aa:00:01", "e1000", false},
                           {"eth1", "52:54:00:AA:00:02", "e1000", true}};
  screen.inventory.serial = "ABC123";
  screen.inventory.manufacturer = "Acme";
  screen.inventory.product = "Edge 5";
  return screen;
}

std::size_t columns_of(const std::string& line) {
  return static_cast<std::size_t>(std::ranges::count_if(
      line, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

TEST_CASE("the drawn code is read by another implementation", "[agent][screen]") {
  auto rows = seen(draw_qr(kRows));
  CHECK(test::read_qr(rows) == "http://d/r/7k3m9xq2");
  CHECK(rows.front() == std::string(kRows.size() + 8, '0'));  // the quiet zone is bright
}

TEST_CASE("half a code is not drawn", "[agent][screen]") {
  CHECK(draw_qr({}).empty());
  CHECK(draw_qr({"101", "010"}).empty());
  CHECK(draw_qr({"101", "01", "101"}).empty());
}

TEST_CASE("an ID is drawn in letters four lines high", "[agent][screen]") {
  CHECK(draw_large("1a") == std::vector<std::string>{
                                " ▄█   ▄▀▀▀▄ ",
                                "  █   █▄▄▄█ ",
                                "  █   █   █ ",
                                " ▀▀▀  ▀   ▀ ",
                            });
  CHECK(draw_large("?!").empty());
}

TEST_CASE("the waiting screen says who the host is and what it waits for", "[agent][screen]") {
  const auto lines = waiting_lines(screen_of({}));
  const std::vector<std::string> facts(lines.begin() + 7, lines.end());
  CHECK(facts == std::vector<std::string>{
                     "ID      7k3m9xq2", "Name    h1", "MAC     52:54:00:AA:00:02 eth1 booted link",
                     "MAC     52:54:00:aa:00:01 eth0", "Serial  ABC123", "Model   Acme Edge 5",
                     "Server  http://10.0.0.2:8080", "", "Assigned, but not armed."});
}

TEST_CASE("code and text stand side by side in 80 columns", "[agent][screen]") {
  auto screen = screen_of(kRows);
  screen.registration.url = "http://d/r/7k3m9xq2";
  screen.hold.text =
      "Not assigned. Assign and arm it on the server: slipway host assign 7k3m9xq2 --profile "
      "PROFILE --site SITE; slipway host arm 7k3m9xq2.";
  const auto lines = waiting_lines(screen);
  CHECK(lines.size() <= 23);  // of the 25 of a VGA text screen, two are the rules
  for (const auto& line : lines) {
    INFO(line);
    CHECK(columns_of(line) <= 76);
  }
  const auto code = draw_qr(kRows);
  REQUIRE(lines.size() > code.size() + 2);
  for (std::size_t row = 0; row < code.size(); ++row) CHECK(lines[row + 2].starts_with(code[row]));
  CHECK_THAT(lines[2], ContainsSubstring("ID      7k3m9xq2"));
  CHECK(lines.back() == "http://d/r/7k3m9xq2");
}

TEST_CASE("the NIC that booted is known by BOOTIF", "[agent][screen]") {
  CHECK(boot_mac_of("quiet BOOTIF=01-52-54-00-AA-00-01 x=1") == "52:54:00:aa:00:01");
  CHECK(boot_mac_of("BOOTIF=52:54:00:aa:00:01") == "52:54:00:aa:00:01");
  CHECK(boot_mac_of("quiet").empty());
  CHECK(boot_mac_of("BOOTIF=eth0").empty());
}
