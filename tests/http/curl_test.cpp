// A stock client against the real server: what curl understands, firmware and scripts do too.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/crypto.hpp"
#include "tests/http/loopback.hpp"

using namespace slipway;
using namespace slipway::http;
using namespace slipway::http::test;

namespace {

// A folder of its own for each test, with a file that no transfer can get right by chance.
struct Folder {
  std::filesystem::path path = "/tmp/slipway-curl-" + std::to_string(getpid());
  std::string content;
  std::shared_ptr<const File> file;

  explicit Folder(std::size_t octets = 4U << 20U) : content(octets, '\0') {
    std::filesystem::create_directories(path);
    std::uint64_t state = 88172645463325252ULL;
    for (std::size_t i = 0; i < content.size(); i += 8) {
      state ^= state << 13U;
      state ^= state >> 7U;
      state ^= state << 17U;
      std::memcpy(content.data() + i, &state, 8);
    }
    std::ofstream(path / "source", std::ios::binary) << content;
    auto opened = File::open((path / "source").string());
    REQUIRE(opened);
    file = *opened;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }

  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(path / name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
};

Router routes(const Folder& folder) {
  Router router;
  router.add(Method::get, "/artifacts/{sha}/{name}",
             [file = folder.file](const Request&, Reply reply) {
               Response response;
               response.headers = {{"Content-Type", "application/octet-stream"}};
               response.body = FileBody{file, "\"e\""};
               reply(std::move(response));
             });
  add_echo(router, 1U << 20U);
  return router;
}

// Runs curl in `folder`; what it printed, and its exit status behind a colon.
std::string curl(const Folder& folder, const std::string& arguments) {
  const auto command = "cd " + folder.path.string() +
                       " && curl -sS --no-progress-meter --max-time 60 " + arguments + " 2>&1";
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 4'096> buffer{};
  while (const auto count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), count);
  const int status = ::pclose(pipe);
  return text + ":" + std::to_string(WEXITSTATUS(status));
}

std::string url(const Loopback& server, const std::string& path = "/artifacts/ff/vmlinuz") {
  return "http://127.0.0.1:" + std::to_string(server.port) + path;
}

}  // namespace

TEST_CASE("curl gets 64 MiB whole", "[http][curl][loopback]") {
  const Folder folder(64U << 20U);
  const Loopback server(routes(folder));
  CHECK(curl(folder, "-o got -w '%{http_code} %{size_download}' " + url(server)) ==
        "200 67108864:0");
  CHECK((Sha256::of(folder.read("got")) == Sha256::of(folder.content)));
}

TEST_CASE("curl gets ranges, resumes and compares", "[http][curl][loopback]") {
  const Folder folder;
  const Loopback server(routes(folder));
  const auto& content = folder.content;
  CHECK(curl(folder, "-o got -r 1000-1999 " + url(server)) == ":0");
  CHECK(folder.read("got") == content.substr(1'000, 1'000));
  CHECK(curl(folder, "-o got -r -5 " + url(server)) == ":0");
  CHECK(folder.read("got") == content.substr(content.size() - 5));
  std::ofstream(folder.path / "part", std::ios::binary) << content.substr(0, 4'000'000);
  CHECK(curl(folder, "-C - -o part -w '%{http_code}' " + url(server)) == "206:0");
  CHECK(folder.read("part") == content);
  CHECK(curl(folder, "-o got -r 4194304- -w '%{http_code}' " + url(server)) == "416:0");
  CHECK(curl(folder, "-o got -H 'If-None-Match: \"e\"' -w '%{http_code}' " + url(server)) ==
        "304:0");
}

TEST_CASE("curl gets several ranges in one multipart", "[http][curl][loopback]") {
  const Folder folder;
  const Loopback server(routes(folder));
  CHECK(curl(folder, "-o got -D head -r 0-1,1048576-2097151,-3 " + url(server)) == ":0");
  const auto got = folder.read("got");
  CHECK_THAT(folder.read("head"), ContainsSubstring("multipart/byteranges; boundary="));
  CHECK_THAT(folder.read("head"),
             ContainsSubstring("Content-Length: " + std::to_string(got.size())));
  CHECK(got.find(folder.content.substr(1'048'576, 1'048'576)) != std::string::npos);
  CHECK(got.find("Content-Range: bytes 4194301-4194303/4194304") != std::string::npos);
}

TEST_CASE("curl's HEAD has the length and no body", "[http][curl][loopback]") {
  const Folder folder;
  const Loopback server(routes(folder));
  const auto head = curl(folder, "-I " + url(server));
  CHECK_THAT(head, ContainsSubstring("Content-Length: 4194304"));
  CHECK_THAT(head, ContainsSubstring("Accept-Ranges: bytes"));
  CHECK_THAT(head, ContainsSubstring("ETag: \"e\""));
  CHECK(head.ends_with("\r\n\r\n:0"));
}

TEST_CASE("curl keeps its connection over HEAD, GET and errors", "[http][curl][loopback]") {
  const Folder folder;
  Loopback server(routes(folder));
  const auto u = url(server);
  const auto connects = curl(folder, "-o got -r 0-9 -w '%{num_connects} ' " + u + " -o got2 " + u +
                                         " -o got3 " + url(server, "/absent") + " -o got4 " + u);
  CHECK(connects == "1 0 0 0 :0");
  CHECK(folder.read("got4").size() == 10);
}

TEST_CASE("curl posts with Expect, is refused chunks and too much", "[http][curl][loopback]") {
  const Folder folder;
  const Loopback server(routes(folder));
  std::ofstream(folder.path / "body") << std::string(1U << 20U, 'b');
  const std::string code = " -o got -w '%{http_code}' ";
  CHECK(curl(folder, "-H 'Expect: 100-continue' --data-binary @body" + code +
                         url(server, "/echo")) == "200:0");
  CHECK(folder.read("got") == std::string(1U << 20U, 'b'));
  CHECK(curl(folder,
             "-H 'Transfer-Encoding: chunked' --data-binary @body" + code + url(server, "/echo"))
            .starts_with("411"));
  std::ofstream(folder.path / "body", std::ios::app) << "b";
  CHECK(curl(folder, "--data-binary @body" + code + url(server, "/echo")).starts_with("413"));
  CHECK(curl(folder, "--path-as-is" + code + url(server, "/artifacts/../etc/passwd")) == "400:0");
  CHECK(curl(folder, "-X OPTIONS" + code + url(server, "/echo")) == "405:0");
}

TEST_CASE("curl speaks over a UNIX socket", "[http][curl][loopback]") {
  const Folder folder(64U << 20U);
  Loopback server(routes(folder));
  const auto path = (folder.path / "slipway.sock").string();
  auto listener = Listener::open_unix(path, 0600);
  REQUIRE(listener);
  server.on_thread([&](Server& inner) { inner.serve(*std::move(listener)); });
  CHECK(curl(folder, "--unix-socket " + path + " -o got http://localhost/artifacts/ff/x") == ":0");
  CHECK((Sha256::of(folder.read("got")) == Sha256::of(folder.content)));
}

TEST_CASE("16 clients at once get what one gets", "[http][curl][loopback]") {
  const Folder folder;
  const Loopback server(routes(folder));
  const auto done = curl(
      folder, "--parallel --parallel-max 16 --parallel-immediate -w '%{http_code} ' -o 'got_#1' '" +
                  url(server, "/artifacts/ff/f[1-16]") + "'");
  CHECK(done == "200 200 200 200 200 200 200 200 200 200 200 200 200 200 200 200 :0");
  for (int i = 1; i <= 16; ++i) CHECK(folder.read("got_" + std::to_string(i)) == folder.content);
}
