#include "agent/content_place.hpp"

#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::agent;

namespace {

constexpr std::uint64_t kMib = std::uint64_t{1} << 20;

FoundFileSystem found(unsigned number, FileSystem::Kind kind, const char* label,
                      std::uint64_t free = 10 * kMib) {
  return {{.number = number,
           .type = {},
           .unique = {},
           .offset = number * 64 * kMib,
           .length = 64 * kMib,
           .name = {}},
          {.kind = kind, .label = label, .octets = 60 * kMib, .free_octets = free}};
}

ContentFile file(const char* path, const char* partition = "", std::uint64_t octets = kMib) {
  return {.source = {.url = "/artifacts/x/y", .octets = octets, .sha256 = {}},
          .path = path,
          .partition = partition};
}

constexpr auto kExt = FileSystem::Kind::ext;
constexpr auto kXfs = FileSystem::Kind::xfs;
constexpr auto kUnknown = FileSystem::Kind::unknown;

const std::vector<FoundFileSystem> kKairos = {
    found(1, kUnknown, "COS_GRUB"), found(2, kExt, "COS_OEM"), found(3, kExt, "COS_PERSISTENT"),
    found(4, kXfs, "DATA")};

}  // namespace

TEST_CASE("each file of content has its place", "[agent][content]") {
  struct Row {
    const char* why;
    std::vector<FoundFileSystem> image;
    ContentFile wanted;
    unsigned partition;
    const char* path;
  };
  const auto row = GENERATE(values<Row>({
      {"the vendor's folder, kept by Kairos below .state", kKairos,
       file("/opt/spectrocloud/content/a.zst"), 3, "/.state/opt.bind/spectrocloud/content/a.zst"},
      {"what Kairos mounts on /usr/local", kKairos, file("/usr/local/share/a"), 3, "/share/a"},
      {"a label, whatever the image", kKairos, file("/bundles/a", "DATA"), 4, "/bundles/a"},
      {"the last file system of any other image",
       {found(1, kUnknown, ""), found(2, kExt, "root"), found(3, kUnknown, "swap")},
       file("/opt/a"),
       2,
       "/opt/a"},
      {"the last of several",
       {found(2, kXfs, "root"), found(1, kExt, "boot")},
       file("/srv/a"),
       2,
       "/srv/a"},
  }));
  INFO(row.why);
  const auto places = place_content({row.wanted}, row.image);
  REQUIRE(places);
  REQUIRE(places->size() == 1);
  CHECK((*places)[0].where.partition.number == row.partition);
  REQUIRE((*places)[0].files.size() == 1);
  CHECK((*places)[0].files[0].path == row.path);
}

TEST_CASE("files for one file system are one piece of work", "[agent][content]") {
  const auto places =
      place_content({file("/opt/a"), file("/x", "DATA"), file("/usr/local/b")}, kKairos);
  REQUIRE(places);
  REQUIRE(places->size() == 2);
  CHECK((*places)[0].files.size() == 2);
  CHECK((*places)[1].files.size() == 1);
}

TEST_CASE("content without a place is refused before the write", "[agent][content]") {
  struct Row {
    std::vector<FoundFileSystem> image;
    ContentFile wanted;
    const char* says;
  };
  const auto row = GENERATE(values<Row>({
      {{}, file("/opt/a"), "no ext or xfs"},
      {{found(1, kUnknown, "ESP")}, file("/opt/a"), "no ext or xfs"},
      {kKairos, file("/a", "OTHER"), "OTHER"},
      {kKairos, file("/a", "COS_GRUB"), "COS_GRUB"},  // FAT
      {kKairos, file("/srv/a"), "/usr/local and /opt"},
      {kKairos, file("/optional/a"), "/usr/local and /opt"},
  }));
  const auto places = place_content({row.wanted}, row.image);
  REQUIRE_FALSE(places);
  CHECK(places.error().reason == "content-no-place");
  CHECK_THAT(places.error().detail, ContainsSubstring(row.says));
}

TEST_CASE("content must fit, with what the file system grows by", "[agent][content]") {
  const auto place = [](std::uint64_t octets) {
    return ContentPlace{found(1, kExt, "root"), {file("/a", "", octets)}};
  };
  CHECK(check_room(place(8 * kMib), 0));
  const auto refused = check_room(place(11 * kMib), 0);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == "content-no-room");
  CHECK(check_room(place(11 * kMib), 64 * kMib));          // 4 MiB more
  CHECK_FALSE(check_room(place(100 * kMib), 100 * kMib));  // 40 MiB more
  CHECK_FALSE(check_room(place(11 * kMib), 30 * kMib));    // it never shrinks
}
