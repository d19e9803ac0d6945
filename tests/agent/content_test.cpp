// Loop devices and mounts: needs root.
#include "agent/content.hpp"

#include <map>

#include "tests/agent/disk_file.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;
using namespace slipway::test;

namespace {

using Artifacts = std::map<std::string, std::string>;

class TextFetcher final : public images::Fetcher {
 public:
  explicit TextFetcher(const std::string* text) : text_(text) {}
  Fallible<void> fetch(std::uint64_t offset, std::uint64_t length, const Sink& sink) override {
    if (text_ == nullptr) return fail("the server answered with status 404");
    constexpr std::size_t kPiece = 100'000;
    const auto octets = as_bytes(*text_).subspan(offset, length);
    for (std::size_t at = 0; at < octets.size(); at += kPiece) {
      if (!sink(octets.subspan(at, std::min(kPiece, octets.size() - at)))) return {};
    }
    return {};
  }

 private:
  const std::string* text_;
};

ContentFile file(const std::string& path, const std::string& text) {
  return {.source = {.url = path, .octets = text.size(), .sha256 = Sha256::of(text)},
          .path = path,
          .partition = {}};
}

struct Bench {
  DiskFile disk{80};
  Artifacts artifacts;
  std::atomic<bool> cancel = false;
  std::vector<std::uint64_t> progress;

  std::expected<void, Failure> write(const std::vector<ContentFile>& files,
                                     const char* type = "ext4", std::uint64_t mib = 64) {
    const ContentMeans means{.fetcher =
                                 [this](const std::string& url) {
                                   const auto found = artifacts.find(url);
                                   return std::make_unique<TextFetcher>(
                                       found == artifacts.end() ? nullptr : &found->second);
                                 },
                             .progress = [this](std::uint64_t done) { progress.push_back(done); },
                             .cancel = &cancel};
    return write_content(disk.part(mib), type, files, means);
  }
  [[nodiscard]] std::string debugfs(const std::string& request) const {
    return disk.in_part(
        "e2fsck -fn part >/dev/null 2>&1; debugfs -R '" + request + "' part 2>/dev/null", 64);
  }
};

constexpr auto kMkfs = "mke2fs -F -t ext4 -d content";

}  // namespace

TEST_CASE("content is in the file system, octet for octet", "[agent][content][root]") {
  Bench bench;
  const std::string large(5'000'001, 'x');
  bench.artifacts = {{"/opt/c/a.zst", large}, {"/opt/c/empty", ""}, {"/opt/kept", "new"}};
  (void)bench.disk.shell(
      "mkdir -p content/opt; echo old > content/opt/kept; "
      "echo half > content/opt/.slipway-content.new");
  bench.disk.format(kMkfs, 64);
  const auto done = bench.write(
      {file("/opt/c/a.zst", large), file("/opt/c/empty", ""), file("/opt/kept", "new")});
  if (!done) FAIL(done.error().detail);
  CHECK_FALSE(bench.disk.in_use());
  CHECK_THAT(bench.disk.in_part("debugfs -R 'cat /opt/c/a.zst' part 2>/dev/null | sha256sum", 64),
             ContainsSubstring(Sha256::of(large).text()));
  CHECK(bench.debugfs("cat /opt/c/empty").empty());
  CHECK(bench.debugfs("cat /opt/kept") == "new");
  CHECK_THAT(bench.debugfs("stat /opt/c/a.zst"),
             ContainsSubstring("Mode:  0644") && ContainsSubstring("User:     0"));
  CHECK_THAT(bench.debugfs("stat /opt/c"), ContainsSubstring("Mode:  0755"));
  CHECK_THAT(bench.debugfs("ls -p /opt"), !ContainsSubstring("slipway-content"));
  CHECK(bench.progress.back() == large.size() + 3);
}

TEST_CASE("content that cannot be delivered says why, and leaves nothing mounted",
          "[agent][content][root]") {
  struct Row {
    const char* why;
    const char* before;
    ContentFile wanted;
    const char* reason;
    const char* says;
  };
  const std::string large(20'000'000, 'x');
  auto other = file("/a", "one");
  other.source.sha256 = Sha256::of("two");
  const auto row = GENERATE_COPY(values<Row>({
      {"other octets", ":", other, "content-digest-mismatch", "not what the plan names"},
      {"a link on the way", "ln -s /tmp content/opt", file("/opt/a", "one"), "content-write-failed",
       "opt"},
      {"a file on the way", "touch content/opt", file("/opt/a", "one"), "content-write-failed",
       "Not a directory"},
      {"a folder of that name", "mkdir content/a", file("/a", "one"), "content-write-failed",
       "Is a directory"},
      {"no room", "head -c 50M /dev/urandom > content/full", file("/large", large),
       "content-write-failed", "No space left"},
      {"the server has none", ":", file("/absent", "one"), "network-error", "404"},
  }));
  INFO(row.why);
  Bench bench;
  bench.artifacts = {{"/a", "one"}, {"/opt/a", "one"}, {"/large", large}};
  (void)bench.disk.shell(std::string("mkdir content; ") + row.before);
  bench.disk.format(kMkfs, 64);
  const auto done = bench.write({row.wanted});
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == row.reason);
  CHECK_THAT(done.error().detail, ContainsSubstring(row.says));
  CHECK_FALSE(bench.disk.in_use());
}

TEST_CASE("a revoked attempt stops in the middle of a file", "[agent][content][root]") {
  Bench bench;
  bench.artifacts = {{"/a", std::string(1'000'000, 'x')}};
  (void)bench.disk.shell("mkdir content");
  bench.disk.format(kMkfs, 64);
  bench.cancel = true;
  const auto done = bench.write({file("/a", bench.artifacts["/a"])});
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == "cancelled");
  CHECK(bench.progress.empty());
  CHECK_FALSE(bench.disk.in_use());
}

TEST_CASE("a file system that the kernel refuses is said", "[agent][content][root]") {
  Bench bench;
  bench.artifacts = {{"/a", "one"}};
  const auto done = bench.write({file("/a", "one")});
  REQUIRE_FALSE(done);
  CHECK(done.error().reason == "content-write-failed");
  CHECK_THAT(done.error().detail, ContainsSubstring("mounting"));
}
