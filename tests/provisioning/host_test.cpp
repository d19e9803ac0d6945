#include "provisioning/host.hpp"

#include <set>

#include "provisioning/host_table.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {

TEST_CASE("a host goes only where the table lets it", "[provisioning][host]") {
  // Rows: from; columns: to, in the order discovered, assigned, armed, booting, installing,
  // installed, failed, ignored.
  const auto [from, allowed] = GENERATE(table<std::string, std::string>({
      {"discovered", ".x.....x"},
      {"assigned", "x.x....."},
      {"armed", ".x.x...."},
      {"booting", "..xxx.x."},
      {"installing", "...x.xx."},
      {"installed", ".xx....."},
      {"failed", ".xxx...."},
      {"ignored", "x......."},
  }));
  std::string got;
  for (const auto* to : {"discovered", "assigned", "armed", "booting", "installing", "installed",
                         "failed", "ignored"}) {
    got += may_go(*parse_state(from), *parse_state(to)) ? 'x' : '.';
  }
  CHECK(got == allowed);
  CHECK(name_of(*parse_state(from)) == from);
}

TEST_CASE("host ids are eight letters of Crockford's alphabet", "[provisioning][host]") {
  std::set<std::string> ids;
  for (int i = 0; i < 200; ++i) ids.insert(random_host_id());
  CHECK(ids.size() == 200);
  for (const auto& id : ids) {
    CHECK(id.size() == 8);
    CHECK(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz") == std::string::npos);
  }
}

TEST_CASE("a serial number that nobody filled in is none", "[provisioning][host]") {
  const auto [serial, usable] = GENERATE(table<std::string, std::string>({
      {"ABC123", "ABC123"},
      {"Default string", ""},
      {"To Be Filled By O.E.M.", ""},
      {"0000000", ""},
      {"", ""},
  }));
  CHECK(usable_serial(serial) == usable);
}

TEST_CASE("a host is found by MAC before UUID before serial", "[provisioning][host]") {
  HostTable table;
  const auto add = [&](std::string id, std::string_view mac) -> Host& {
    Host host;
    host.id = std::move(id);
    host.macs = {*Mac::parse(mac)};
    return table.add(std::move(host));
  };
  auto& by_mac = add("a", "52:54:00:00:00:0a");
  auto& by_uuid = add("b", "52:54:00:00:00:0b");
  auto& by_serial = add("c", "52:54:00:00:00:0c");
  const auto uuid = Uuid::parse("12345678-1234-5678-9abc-def012345678");
  table.declare(by_uuid, uuid, "");
  table.declare(by_serial, std::nullopt, "S1");
  const auto stranger = *Mac::parse("52:54:00:00:00:ff");
  CHECK(table.find({by_mac.macs[0], uuid, "S1"}) == &by_mac);
  CHECK(table.find({stranger, uuid, "S1"}) == &by_uuid);
  CHECK(table.find({stranger, std::nullopt, "S1"}) == &by_serial);
  CHECK(table.find({stranger, std::nullopt, ""}) == nullptr);
}

TEST_CASE("machines with the same unlisted UUID stay two hosts", "[provisioning][host]") {
  HostTable table;
  Host host;
  host.id = "a";
  host.macs = {*Mac::parse("52:54:00:00:00:0a")};
  host.uuid = Uuid::parse("03000200-0400-0500-0006-000700080009");  // a vendor's default
  host.serial = "S1";
  const auto uuid = host.uuid;
  table.add(std::move(host));
  CHECK(table.find({*Mac::parse("52:54:00:00:00:0b"), uuid, "S1"}) == nullptr);
}

}  // namespace slipway::provisioning
