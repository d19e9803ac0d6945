#include "provisioning/qr.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/qr_reader.hpp"

namespace slipway::provisioning {
namespace {

// Four light modules around it, as the standard wants.
std::vector<std::string> with_quiet_zone(const std::vector<std::string>& rows) {
  const auto width = rows.size() + 8;
  std::vector<std::string> all(4, std::string(width, '0'));
  for (const auto& row : rows) all.push_back("0000" + row + "0000");
  all.insert(all.end(), 4, std::string(width, '0'));
  return all;
}

}  // namespace

TEST_CASE("another implementation reads the code again", "[provisioning][qr]") {
  const auto text = GENERATE(as<std::string>(), "https://depot.example.com/r/7k3m9xq2", "x",
                             "http://10.88.0.2:8443/r/00000000",
                             // The longest that a setting allows: 64 octets, "/r/" and an ID.
                             "https://" + std::string(56, 'a') + "/r/zzzzzzzz");
  const auto rows = qr_rows(text);
  REQUIRE(rows);
  CHECK(test::read_qr(with_quiet_zone(*rows)) == text);
  CHECK(rows->size() <= 33);  // what a text console of 80 columns has room for, with text beside it
}

TEST_CASE("what no code can hold is refused", "[provisioning][qr]") {
  CHECK_FALSE(qr_rows(""));
  CHECK_FALSE(qr_rows(std::string(2954, 'a')));
}

}  // namespace slipway::provisioning
