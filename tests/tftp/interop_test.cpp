// Stock clients against our server over the loopback; what they wrote is compared octet by octet.

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/log.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pcap.hpp"
#include "tests/support/tftp_files.hpp"
#include "tftp/server.hpp"

using namespace slipway;
using namespace slipway::tftp;
using namespace std::chrono_literals;

namespace {

bool installed(const std::string& tool) {
  return std::system(("command -v " + tool + " >/dev/null 2>&1").c_str()) == 0;
}

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "slipway-tftp-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// The exit status of a client that runs while the event loop does.
int run_client(const std::string& command, boost::asio::io_context& io) {
  int status = -1;
  std::atomic<bool> ended = false;
  std::thread client([&] {
    status = std::system(command.c_str());
    ended = true;
  });
  while (!ended) io.run_for(5ms);
  io.run_for(20ms);  // the last ACK
  client.join();
  return status;
}

}  // namespace

TEST_CASE("1c.30 stock clients read files whole, also exact multiples of a block",
          "[tftp][interop][loopback]") {
  const auto [tool, command] = GENERATE(table<std::string, std::string>({
      {"atftp", "atftp -g -r NAME -l OUT 127.0.0.1 PORT"},
      {"atftp", "atftp --option 'blksize 1468' -g -r NAME -l OUT 127.0.0.1 PORT"},
      {"atftp",
       "atftp --option 'blksize 1468' --option 'windowsize 8' --option 'tsize 0'"
       " -g -r NAME -l OUT 127.0.0.1 PORT"},
      {"atftp",
       "atftp --option 'windowsize 64' --option 'timeout 2' -g -r NAME -l OUT"
       " 127.0.0.1 PORT"},
      {"atftp", "atftp --option 'blksize 65464' -g -r NAME -l OUT 127.0.0.1 PORT"},
      {"tftp", "tftp -m binary 127.0.0.1 PORT -c get NAME OUT"},
      {"curl", "curl -sS -o OUT tftp://127.0.0.1:PORT/NAME"},
      {"curl", "curl -sS --tftp-blksize 1024 -o OUT tftp://127.0.0.1:PORT/NAME"},
      {"curl", "curl -sS --tftp-no-options -o OUT tftp://127.0.0.1:PORT/NAME"},
      {"busybox", "busybox tftp -g -b 1468 -r NAME -l OUT 127.0.0.1 PORT"},
  }));
  if (!installed(tool)) {
    FAIL(tool << " is not installed; run deploy/setup");
    return;
  }
  const auto octets =
      GENERATE(std::size_t{1}, std::size_t{512}, std::size_t{1468 * 8}, std::size_t{300001});
  CAPTURE(command, octets);
  log::set_level(log::Level::error);
  boost::asio::io_context io;
  test::MemoryFiles files;
  files.files["boot/ipxe.efi"] = test::pattern(octets);
  Server server(io, {.interface = "lo", .port = 0}, files);
  REQUIRE(server.start());
  const TemporaryFolder folder;
  auto line = replace_all(command, "PORT", std::to_string(server.port()));
  line = replace_all(replace_all(line, "NAME", "boot/ipxe.efi"), "OUT", folder.file("out"));
  CHECK(run_client("timeout 20 " + line + " >/dev/null 2>&1", io) == 0);
  CHECK(test::read_whole(folder.file("out")) == files.files["boot/ipxe.efi"]);
  CHECK(files.log ==
        std::vector<std::string>{"boot/ipxe.efi to 127.0.0.1 " + std::to_string(octets)});
}

TEST_CASE("1c.30 a file of more than 65535 blocks reaches a stock client",
          "[tftp][interop][loopback]") {
  if (!installed("curl")) {
    FAIL("curl is not installed; run deploy/setup");
    return;
  }
  log::set_level(log::Level::error);
  boost::asio::io_context io;
  test::MemoryFiles files;
  files.files["initrd"] = test::pattern(8 * 66000);
  Server server(io, {.interface = "lo", .port = 0}, files);
  REQUIRE(server.start());
  const TemporaryFolder folder;
  const auto url = "tftp://127.0.0.1:" + std::to_string(server.port()) + "/initrd";
  const auto out = folder.file("out");
  CHECK(run_client("timeout 60 curl -sS --tftp-blksize 8 -o " + out + " " + url, io) == 0);
  CHECK(test::read_whole(out) == files.files["initrd"]);
}
