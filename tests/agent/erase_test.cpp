#include "agent/erase.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;

namespace {

constexpr std::uint64_t kDiskOctets = std::uint64_t{16} << 20;

// A disk in memory with the commands of NVMe, ATA (as hdparm shows it) and discard.
class FakeTarget : public EraseTarget {
 public:
  std::uint64_t size_octets() override { return content.size(); }
  Fallible<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) override {
    if (offset % 4096 != 0 || out.size() % 4096 != 0) return fail("not aligned");
    if (offset + out.size() > content.size()) return fail("beyond the end");
    std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }
  bool can_discard() override { return discards; }
  Fallible<void> discard(std::uint64_t offset, std::uint64_t length) override {
    done.push_back("discard");
    wipe(offset, length, 0);
    return {};
  }
  Fallible<std::uint32_t> nvme_namespace() override { return 7; }

  Fallible<void> nvme(const NvmeCommand& command, std::span<std::uint8_t> out) override {
    std::ranges::fill(out, std::uint8_t{0});
    switch (command.opcode) {
      case 0x06: return identify(command, out);
      case 0x02: return sanitize_log(command, out);
      case 0x80:
        done.push_back("format nsid " + std::to_string(command.namespace_id) + " cdw10 " +
                       std::to_string(command.cdw10));
        if (refuses) return fail("status 2");
        wipe(0, content.size(), 0xFF);
        return {};
      case 0x84:
        done.push_back("sanitize cdw10 " + std::to_string(command.cdw10));
        if (refuses) return fail("status 2");
        rounds_left = 2;
        if (command.cdw10 == 4) {
          content = test::random_octets_of(content.size(), 99);  // another key
        } else {
          wipe(0, content.size(), 0);
        }
        return {};
      default: return fail("unknown command");
    }
  }

  Fallible<ToolResult> hdparm(const std::vector<std::string>& options,
                              std::chrono::seconds) override {
    if (options.front() == "-I") return ToolResult{0, security, false, ""};
    std::string line;
    for (const auto& option : options) line += (line.empty() ? "" : " ") + option;
    done.push_back(line);
    if (refuses && line.find("--security-erase") != std::string::npos) {
      return ToolResult{5, "", false, "SECURITY_ERASE: Input/output error\n"};
    }
    if (line.find("--security-erase") != std::string::npos) wipe(0, content.size(), 0);
    return ToolResult{};
  }
  void pause(std::chrono::milliseconds) override { ++pauses; }

  void wipe(std::uint64_t offset, std::uint64_t length, std::uint8_t with) {
    if (lies) return;
    std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(offset), length, with);
    if (leaves) content[*leaves] = 'S';
  }

  Bytes content = test::random_octets_of(kDiskOctets, 3);
  std::vector<std::string> done;
  std::string security;
  std::uint8_t sanicap = 0, oacs = 0, fna = 0, flbas = 0, dps = 0;
  std::uint32_t second_namespace = 0;
  bool discards = true, refuses = false, lies = false;
  std::optional<std::size_t> leaves;  // an octet that an erase does not reach
  unsigned sanitize_state = 1;
  int rounds_left = 0, pauses = 0;

 private:
  Fallible<void> identify(const NvmeCommand& command, std::span<std::uint8_t> out) const {
    if (command.cdw10 == 1) out[328] = sanicap, out[256] = oacs, out[524] = fna;
    if (command.cdw10 == 2) out[0] = 7, out[4] = static_cast<std::uint8_t>(second_namespace);
    if (command.cdw10 == 0 && command.namespace_id == 7) out[26] = flbas, out[29] = dps;
    return {};
  }
  Fallible<void> sanitize_log(const NvmeCommand& command, std::span<std::uint8_t> out) {
    if (command.cdw10 != (0x81U | 127U << 16) || out.size() != 512) return fail("not that log");
    const bool running = rounds_left-- > 0;
    out[1] = running ? 0x80 : 0xFF;  // half, or all
    out[2] = static_cast<std::uint8_t>(running ? 2 : sanitize_state);
    return {};
  }
};

const std::string kAtaFree =
    "ATA device, with non-removable media\nStandards:\n\tenabled\tfrozen\nSecurity: \n"
    "\tMaster password revision code = 65534\n\t\tsupported\n\tnot\tenabled\n\tnot\tlocked\n"
    "\tnot\tfrozen\n\tnot\texpired: security count\n\t\tsupported: enhanced erase\n"
    "\t2min for SECURITY ERASE UNIT. 8min for ENHANCED SECURITY ERASE UNIT.\n";

std::string with(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

Disk disk(const char* type) {
  Disk made;
  made.path = "/dev/x";
  made.type = type;
  return made;
}

Tools all_tools() {
  Tools tools;
  tools.has = [](const std::string&) { return true; };
  return tools;
}

std::string chosen(Erase wanted, const char* type, FakeTarget& target,
                   const Tools& tools = all_tools()) {
  const auto method = choose_erase(wanted, disk(type), target, tools);
  if (!method) return method.error().reason;
  return *method ? std::string(to_text(**method)) : "nothing";
}

std::string erased(FakeTarget& target, EraseMethod method) {
  const auto done = erase_disk({.method = method, .target = target, .path = "/dev/x"});
  return done ? "" : done.error().reason;
}

}  // namespace

TEST_CASE("how a disk is erased follows from what it can do, and never from less",
          "[agent][erase]") {
  struct Row {
    const char* why;
    Erase wanted;
    const char* type;
    std::uint8_t sanicap, oacs, fna;
    std::uint32_t second_namespace;
    const char* expected;
  };
  const auto secure = Erase::secure;
  const std::vector<Row> rows = {
      {"not asked for", Erase::none, "nvme", 3, 2, 0, 0, "nothing"},
      {"discard", Erase::discard, "hdd", 0, 0, 0, 0, "discard"},
      {"both sanitizes", secure, "nvme", 3, 2, 0, 0, "nvme-sanitize-crypto"},
      {"block erase", secure, "nvme", 2, 2, 0, 0, "nvme-sanitize-block"},
      {"overwrite alone is not used", secure, "nvme", 4, 0, 0, 0, "erase-unsupported"},
      {"format", secure, "nvme", 0, 2, 0, 0, "nvme-format"},
      {"a format of all, and there is one", secure, "nvme", 0, 2, 3, 0, "nvme-format"},
      {"nothing", secure, "nvme", 0, 0, 0, 0, "erase-unsupported"},
      {"sanitize would take another's data", secure, "nvme", 3, 0, 0, 2, "erase-unsupported"},
      {"then its own format", secure, "nvme", 3, 2, 0, 2, "nvme-format"},
      {"which must not take all either", secure, "nvme", 3, 2, 1, 2, "erase-unsupported"},
      {"nor its secure erase", secure, "nvme", 3, 2, 2, 2, "erase-unsupported"},
      {"virtio", secure, "virtio", 3, 2, 0, 0, "erase-unsupported"},
      {"eMMC", secure, "mmc", 3, 2, 0, 0, "erase-unsupported"},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    FakeTarget target;
    target.sanicap = row.sanicap;
    target.oacs = row.oacs;
    target.fna = row.fna;
    target.second_namespace = row.second_namespace;
    CHECK(chosen(row.wanted, row.type, target) == row.expected);
    CHECK(target.done.empty());  // choosing changes nothing
  }
}

TEST_CASE("a disk without discard is not discarded", "[agent][erase]") {
  FakeTarget target;
  target.discards = false;
  CHECK(chosen(Erase::discard, "nvme", target) == "erase-unsupported");
}

TEST_CASE("what hdparm says decides about ATA disks", "[agent][erase]") {
  struct Row {
    const char* why;
    std::string said;
    const char* expected;
  };
  const std::vector<Row> rows = {
      {"enhanced", kAtaFree, "ata-secure-erase-enhanced"},
      {"plain", with(kAtaFree, "\t\tsupported: enhanced", "\tnot\tsupported: enhanced"),
       "ata-secure-erase"},
      {"none", with(kAtaFree, "\t\tsupported\n", "\tnot\tsupported\n"), "erase-unsupported"},
      {"no such section, as in QEMU", "ATA device\n\tenabled\n", "erase-unsupported"},
      {"frozen", with(kAtaFree, "\tnot\tfrozen", "\t\tfrozen"), "disk-frozen"},
      {"with a password", with(kAtaFree, "\tnot\tenabled", "\t\tenabled"), "erase-unsupported"},
      {"locked", with(kAtaFree, "\tnot\tlocked", "\t\tlocked"), "erase-unsupported"},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    FakeTarget target;
    target.security = row.said;
    CHECK(chosen(Erase::secure, "ssd", target) == row.expected);
    CHECK(chosen(Erase::secure, "hdd", target) == row.expected);
    CHECK(target.done.empty());
  }
  FakeTarget target;
  target.security = with(kAtaFree, "\tnot\tfrozen", "\t\tfrozen");
  CHECK_THAT(choose_erase(Erase::secure, disk("ssd"), target, all_tools()).error().detail,
             ContainsSubstring("suspend and wake the host"));
  Tools none;
  none.has = [](const std::string&) { return false; };
  CHECK(chosen(Erase::secure, "ssd", target, none) == "tool-missing");
}

TEST_CASE("each method sends what its standard says, once", "[agent][erase]") {
  using enum EraseMethod;
  using Done = std::vector<std::string>;
  FakeTarget target;
  SECTION("discard") {
    CHECK(erased(target, discard) == "");
    CHECK(target.done == Done{"discard"});
  }
  SECTION("crypto erase") {
    CHECK(erased(target, sanitize_crypto) == "");
    CHECK(target.done == Done{"sanitize cdw10 4"});
    CHECK(target.pauses == 2);  // until the log said that it is done
  }
  SECTION("block erase") {
    CHECK(erased(target, sanitize_block) == "");
    CHECK(target.done == Done{"sanitize cdw10 2"});
  }
  SECTION("format keeps the blocks as they are") {
    target.flbas = 0x35;  // format 5 and bits 5..4 of the format, metadata at the end
    target.dps = 0x0A;    // protection type 2, first in the metadata
    CHECK(erased(target, nvme_format) == "");
    CHECK(target.done == Done{"format nsid 7 cdw10 4949"});  // 5|1<<4|2<<5|1<<8|1<<9|1<<12
  }
  SECTION("ATA") {
    CHECK(erased(target, ata) == "");
    CHECK(target.done == Done{"--user-master u --security-set-pass slipway",
                              "--user-master u --security-erase slipway"});
  }
  SECTION("ATA, enhanced") {
    CHECK(erased(target, ata_enhanced) == "");
    CHECK(target.done.back() == "--user-master u --security-erase-enhanced slipway");
  }
}

TEST_CASE("an erase that fails is a failure, and an ATA disk keeps no password", "[agent][erase]") {
  using enum EraseMethod;
  FakeTarget target;
  target.refuses = true;
  for (const auto method : {sanitize_crypto, sanitize_block, nvme_format, ata, ata_enhanced}) {
    INFO(to_text(method));
    CHECK(erased(target, method) == "erase-failed");
  }
  CHECK(target.done.back() == "--user-master u --security-disable slipway");
  FakeTarget stopped;
  stopped.sanitize_state = 3;
  CHECK(erased(stopped, sanitize_block) == "erase-failed");
}

TEST_CASE("a disk that only says that it is erased is found out", "[agent][erase]") {
  using enum EraseMethod;
  const auto method =
      GENERATE(EraseMethod::discard, sanitize_block, nvme_format, ata, ata_enhanced);
  INFO(to_text(method));
  FakeTarget target;
  SECTION("nothing was done") { target.lies = true; }
  SECTION("the first octet is left") { target.leaves = 0; }
  SECTION("the end of the first MiB is left") { target.leaves = (1U << 20U) - 1; }
  SECTION("the last octet is left") { target.leaves = kDiskOctets - 1; }
  SECTION("the begin of the last MiB is left") { target.leaves = kDiskOctets - (1U << 20U); }
  CHECK(erased(target, method) == "erase-not-verified");
}

TEST_CASE("after a crypto erase what is read must have changed", "[agent][erase]") {
  FakeTarget same;
  const auto before = same.content;
  class Forgetful : public FakeTarget {  // reports success and keeps its key
   public:
    Fallible<void> nvme(const NvmeCommand& command, std::span<std::uint8_t> out) override {
      const auto kept = content;
      const auto done = FakeTarget::nvme(command, out);
      content = kept;
      return done;
    }
  } forgetful;
  CHECK(erased(forgetful, EraseMethod::sanitize_crypto) == "erase-not-verified");
  CHECK(erased(same, EraseMethod::sanitize_crypto) == "");
  CHECK(same.content != before);
  FakeTarget blank;  // a new disk: zeros before and after
  std::ranges::fill(blank.content, std::uint8_t{0});
  CHECK(erased(blank, EraseMethod::sanitize_crypto) == "");
}

TEST_CASE("an erase is called off before the next range", "[agent][erase]") {
  FakeTarget target;
  const std::atomic<bool> cancel = true;
  const auto done = erase_disk(
      {.method = EraseMethod::discard, .target = target, .path = "/dev/x", .cancel = &cancel});
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == "cancelled");
  CHECK(target.done.empty());
}

// Needs root, and a kernel with loop devices: the discard punches holes into the file behind it.
TEST_CASE("the kernel discards a loop device, which then reads as zeros", "[agent][erase][root]") {
  if (::geteuid() != 0) {
    WARN("left out: needs root");
    return;
  }
  const test::ScratchFolder folder;
  const auto file = folder.path("disk");
  test::write_file(file, test::random_octets_of(kDiskOctets, 5));
  const auto attached = test::run_command("losetup --find --show " + file);
  if (attached.exit_code != 0) {
    WARN("left out: no loop device can be made here");
    return;
  }
  const auto device = attached.output.substr(0, attached.output.find('\n'));
  {
    const auto tools = all_tools();
    const auto target = open_erase_target(device, tools);
    REQUIRE(target);
    CHECK((*target)->size_octets() == kDiskOctets);
    Disk loop;
    loop.path = device;
    loop.type = "ssd";
    const auto method = choose_erase(Erase::discard, loop, **target, tools);
    REQUIRE(method);
    REQUIRE(*method == EraseMethod::discard);
    const auto done = erase_disk({.method = **method, .target = **target, .path = device});
    CHECK(done.has_value());
  }
  CHECK(test::run_command("losetup --detach " + device).exit_code == 0);
  CHECK(test::read_whole_file(file) == Bytes(kDiskOctets));
}
