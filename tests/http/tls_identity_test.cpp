#include "http/tls_identity.hpp"

#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "base/temporary_folder.hpp"
#include "base/tool.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::http;
namespace fs = std::filesystem;

namespace {

constexpr std::time_t kNow = 1'795'000'000;  // 2026-11-18
constexpr std::time_t kDay = 86'400;
const TlsNames kNames{.addresses = {{{10, 0, 0, 1}}, {{192, 0, 2, 7}}}, .hosts = {"depot.example"}};

struct Folder {
  TemporaryFolder folder = make();
  fs::path tls = folder.path() / "tls";

  [[nodiscard]] std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(tls / name).rdbuf();
    return text.str();
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(tls / name) << text;
  }
  [[nodiscard]] mode_t mode(const std::string& name) const {
    struct stat status{};
    REQUIRE(::stat((tls / name).c_str(), &status) == 0);
    return status.st_mode & 07777U;
  }

 private:
  static TemporaryFolder make() {
    auto made = TemporaryFolder::make();
    REQUIRE(made);
    return *std::move(made);
  }
};

std::string openssl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  const auto said = run_tool(arguments);
  REQUIRE(said);
  return *said;
}

std::string described(const Folder& folder, const std::string& name) {
  return openssl({"x509", "-noout", "-text", "-in", (folder.tls / name).string()});
}

}  // namespace

TEST_CASE("the first start makes an authority and a certificate by it", "[http][tls_identity]") {
  const Folder folder;
  const auto files = own_identity(folder.tls, kNames, kNow);
  REQUIRE(files);
  CHECK(files->certificate == folder.tls / "server.pem");
  CHECK(files->key == folder.tls / "server.key");
  CHECK(folder.mode(".") == 0700);
  CHECK(folder.mode("ca.key") == 0600);
  CHECK(folder.mode("server.key") == 0600);
  const auto authority = described(folder, "ca.pem");
  CHECK_THAT(authority, ContainsSubstring("CA:TRUE, pathlen:0"));
  CHECK_THAT(authority, ContainsSubstring("Certificate Sign, CRL Sign"));
  CHECK_THAT(authority, ContainsSubstring("NIST CURVE: P-256"));
  const auto server = described(folder, "server.pem");
  CHECK_THAT(server, ContainsSubstring("CA:FALSE"));
  CHECK_THAT(server, ContainsSubstring("TLS Web Server Authentication"));
  CHECK_THAT(server,
             ContainsSubstring("IP Address:10.0.0.1, IP Address:192.0.2.7, DNS:depot.example"));
  CHECK_THAT(server, ContainsSubstring("Not Before: Nov 16"));
  CHECK_THAT(openssl({"verify", "-attime", std::to_string(kNow), "-purpose", "sslserver",
                      "-verify_ip", "10.0.0.1", "-CAfile", (folder.tls / "ca.pem").string(),
                      (folder.tls / "server.pem").string()}),
             ContainsSubstring("server.pem: OK"));
}

TEST_CASE("later starts keep what is good", "[http][tls_identity]") {
  const Folder folder;
  REQUIRE(own_identity(folder.tls, kNames, kNow));
  const auto authority = folder.read("ca.pem");
  const auto server = folder.read("server.pem");
  REQUIRE(own_identity(folder.tls, kNames, kNow + 700 * kDay));
  CHECK(folder.read("ca.pem") == authority);
  CHECK(folder.read("server.pem") == server);
}

TEST_CASE("a certificate that no longer does is made anew, by the same authority",
          "[http][tls_identity]") {
  const Folder folder;
  REQUIRE(own_identity(folder.tls, kNames, kNow));
  const auto authority = folder.read("ca.pem");
  auto before = folder.read("server.pem");
  const auto is_new = [&](const TlsNames& names, std::time_t now) {
    REQUIRE(own_identity(folder.tls, names, now));
    const bool fresh = folder.read("server.pem") != before;
    before = folder.read("server.pem");
    return fresh;
  };
  CHECK(is_new(kNames, kNow + 740 * kDay));  // less than 90 days are left
  CHECK(is_new({.addresses = {{{10, 0, 0, 2}}}, .hosts = {}}, kNow + 740 * kDay));
  CHECK_THAT(described(folder, "server.pem"), ContainsSubstring("IP Address:10.0.0.2\n"));
  fs::remove(folder.tls / "server.key");  // or a start was cut off
  CHECK(is_new(kNames, kNow + 740 * kDay));
  folder.write("server.pem", "no PEM");
  CHECK(is_new(kNames, kNow + 740 * kDay));
  CHECK(folder.read("ca.pem") == authority);
}

TEST_CASE("an authority is never replaced", "[http][tls_identity]") {
  const Folder folder;
  REQUIRE(own_identity(folder.tls, kNames, kNow));
  const auto key = folder.read("ca.key");
  const auto server = folder.read("server.pem");
  SECTION("its key is missing") {
    fs::remove(folder.tls / "ca.key");
    const auto found = own_identity(folder.tls, kNames, kNow);
    REQUIRE_FALSE(found);
    CHECK_THAT(found.error().text(), ContainsSubstring("are no pair: put the right files back"));
    CHECK_FALSE(fs::exists(folder.tls / "ca.key"));
  }
  SECTION("its certificate is missing: the key makes it again, and it is the same authority") {
    fs::rename(folder.tls / "ca.pem", folder.tls / "old.pem");
    REQUIRE(own_identity(folder.tls, kNames, kNow));
    CHECK(folder.read("ca.key") == key);
    CHECK_THAT(openssl({"verify", "-attime", std::to_string(kNow), "-CAfile",
                        (folder.tls / "old.pem").string(), (folder.tls / "server.pem").string()}),
               ContainsSubstring("OK"));
    CHECK(folder.read("server.pem") == server);
  }
  SECTION("its key is no key") {
    fs::remove(folder.tls / "ca.pem");
    folder.write("ca.key", "no PEM");
    CHECK_FALSE(own_identity(folder.tls, kNames, kNow));
    CHECK(folder.read("ca.key") == "no PEM");
  }
}

TEST_CASE("names and places that cannot be", "[http][tls_identity]") {
  const Folder folder;
  CHECK_THAT(own_identity(folder.tls, {}, kNow).error().text(), ContainsSubstring("needs a name"));
  CHECK_THAT(own_identity("/proc/no/such", kNames, kNow).error().text(),
             ContainsSubstring("making /proc/no/such"));
  // A name cannot bring another kind of name in.
  CHECK_THAT(
      own_identity(folder.tls, {.addresses = {}, .hosts = {"a,IP:10.0.0.9"}}, kNow).error().text(),
      ContainsSubstring("`a,IP:10.0.0.9` is no name of a host"));
}
