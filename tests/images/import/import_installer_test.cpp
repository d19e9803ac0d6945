#include "images/import/import_installer.hpp"

#include <filesystem>

#include "tests/images/import/media.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

Store open_store(const ScratchFolder& scratch) {
  auto store = Store::open(scratch.path("store"));
  REQUIRE(store);
  return std::move(*store);
}

std::size_t blobs_in(const ScratchFolder& scratch) {
  std::size_t count = 0;
  namespace fs = std::filesystem;
  for (const auto& entry : fs::recursive_directory_iterator(scratch.path("store") + "/blobs")) {
    if (entry.is_regular_file()) ++count;
  }
  return count;
}

InstallerRequest request_of(const std::string& source, const std::string& name = "edge@1") {
  InstallerRequest request;
  request.source = source;
  request.name = *ImageName::parse(name);
  return request;
}

std::string content_of(const Store& store, const FileSet& set, const std::string& name) {
  const auto* file = set.find(name);
  REQUIRE(file != nullptr);
  const auto path = store.blob(file->sha256);
  REQUIRE(path);
  const auto content = read_whole_file(path->string());
  CHECK(content.size() == file->octets);
  CHECK(Sha256::of(content) == file->sha256);
  return std::string(as_text(content));
}

}  // namespace

TEST_CASE("an ISO of each system becomes a file set", "[import][installer]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  for (const auto& [kind, layout] : known_layouts()) {
    INFO(kind);
    const auto medium = make_medium(scratch, kind + ".iso", layout);
    const auto info = import_installer(store, request_of(medium, kind + "@1"));
    INFO((info ? "" : info.error().text()));
    REQUIRE(info);
    CHECK(info->set.kind == kind);
    CHECK(info->set.source.name == kind + ".iso");
    CHECK(info->set.source.sha256 == Sha256::of(read_whole_file(medium)));
    CHECK_THAT(content_of(store, info->set, "kernel"), ContainsSubstring("HdrS"));
    CHECK_FALSE(content_of(store, info->set, "initrd").empty());
    const auto shown_again = store.show_file_set(*ImageName::parse(kind + "@1"));
    REQUIRE(shown_again);
    CHECK(shown_again->set == info->set);
  }
  const auto kairos = store.show_file_set(*ImageName::parse("kairos@1"));
  CHECK(content_of(store, kairos->set, "rootfs") == fake_squashfs());
  CHECK(content_of(store, kairos->set, "opt/spectrocloud/content/core.zst") == "bundle");
  CHECK(kairos->set.find("config.yaml") == nullptr);  // it may hold secrets, and nobody asks for it
  CHECK(kairos->set.found ==
        std::vector<std::string>{
            "installer: Kairos or Palette installer",
            "kernel: /boot/kernel, 3.0 KiB, Linux 6.1.0-28-amd64",
            "initrd: /boot/initrd, 603 B, gzip", "rootfs: /rootfs.squashfs, 4.0 KiB, squashfs 4.0",
            "opt/spectrocloud/content/core.zst: /opt/spectrocloud/content/core.zst, 6 B",
            "opt/spectrocloud/content/core.zst.aa: /opt/spectrocloud/content/core.zst.aa, 4 B",
            "memory: a host needs 9.2 KiB at least to start it: 2 x (initrd + rootfs)"});
  const auto ubuntu = store.show_file_set(*ImageName::parse("ubuntu@1"));
  CHECK(content_of(store, ubuntu->set, "iso") ==
        as_text(read_whole_file(scratch.path("ubuntu.iso"))));
  const auto debian = store.show_file_set(*ImageName::parse("debian@1"));
  CHECK_THAT(debian->set.found.back(), ContainsSubstring("note: the initrd of a CD"));
}

TEST_CASE("the same medium again changes nothing, another one is refused", "[import][installer]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const auto medium = make_medium(scratch, "a.iso", known_layouts().at("talos"));
  const auto first = import_installer(store, request_of(medium));
  REQUIRE(first);
  const auto blobs = blobs_in(scratch);
  const auto again = import_installer(store, request_of(medium));
  REQUIRE(again);
  CHECK(again->manifest_sha256 == first->manifest_sha256);
  CHECK(blobs_in(scratch) == blobs);
  const auto other = make_medium(scratch, "b.iso", known_layouts().at("kairos"));
  CHECK_FALSE(import_installer(store, request_of(other)));
  CHECK(store.show_file_set(*ImageName::parse("edge@1"))->set.kind == "talos");
}

TEST_CASE("what is wrong with a medium is said, and the store is as it was",
          "[import][installer]") {
  struct Row {
    const char *kind, *path;
    std::string content, said;
  };
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  for (const auto& row :
       {Row{"kairos", "boot/kernel", "<html>",
            "kernel /boot/kernel: not a Linux kernel for x86 "
            "(bzImage) but an HTML or XML page"},
        Row{"kairos", "rootfs.squashfs", fake_squashfs(9000).substr(0, 8000),
            "rootfs /rootfs.squashfs: the squashfs 4.0 is cut: its super block says 9000 octets"},
        Row{"fcos", "images/pxeboot/initrd.img", "text",
            "initrd /images/pxeboot/initrd.img: not an"},
        Row{"fedora", "images/install.img", "",
            "not a root file system (squashfs or EROFS) but empty"},
        Row{"talos", "boot/vmlinuz", fake_kernel().substr(0, 3000), "the kernel is cut"}}) {
    INFO(row.said);
    auto layout = known_layouts().at(row.kind);
    layout[row.path] = row.content;
    const ScratchFolder own;
    const auto info = import_installer(store, request_of(make_medium(own, "m.iso", layout)));
    REQUIRE_FALSE(info);
    CHECK_THAT(info.error().text(), ContainsSubstring(row.said));
    CHECK(blobs_in(scratch) == 0);
    CHECK(store.list_file_sets()->empty());
  }
}

TEST_CASE("a wrong digest of the medium publishes nothing", "[import][installer][security]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  for (const auto* kind : {"talos", "ubuntu"}) {
    auto request =
        request_of(make_medium(scratch, std::string(kind) + ".iso", known_layouts().at(kind)));
    request.expected_sha256 = Sha256::of("something else");
    const auto info = import_installer(store, request);
    REQUIRE_FALSE(info);
    CHECK_THAT(info.error().text(),
               ContainsSubstring("expected " + Sha256::of("something else").text()));
    CHECK(blobs_in(scratch) == 0);
    request.expected_sha256 = Sha256::of(read_whole_file(request.source));
    request.name.name = kind;
    CHECK(import_installer(store, request));
    REQUIRE(store.remove(request.name));
  }
}

TEST_CASE("a medium cut anywhere is an error that names the member",
          "[import][installer][hostile]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  auto layout = known_layouts().at("kairos");
  layout["rootfs.squashfs"] = fake_squashfs(300'000);
  const auto whole = read_whole_file(make_medium(scratch, "m.iso", layout));
  std::size_t named = 0;
  const std::size_t step = whole.size() / 90;
  for (std::size_t octets = 0; octets < whole.size(); octets += step) {
    INFO(octets << " of " << whole.size());
    write_file(scratch.path("cut.iso"), ByteView(whole).first(octets));
    const auto info = import_installer(store, request_of(scratch.path("cut.iso")));
    REQUIRE_FALSE(info);
    if (octets > 33 * 2048) {
      CHECK_THAT(info.error().text(), ContainsSubstring("the medium is cut"));
    }
    if (info.error().text().find("rootfs.squashfs\"") != std::string::npos) ++named;
  }
  CHECK(named > 10);
  CHECK(blobs_in(scratch) == 0);
  CHECK(store.list_file_sets()->empty());
}

TEST_CASE("plain files: kernel and initrds of this machine", "[import][installer][generic]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  write_layout(scratch.path("d"), {{"vmlinuz", fake_kernel("7.0")},
                                   {"a.img", fake_initrd()},
                                   {"b.img", fake_initrd() + "b"},
                                   {"text", "text"}});
  auto request = request_of("");
  request.kind = "generic";
  request.kernel = scratch.path("d/vmlinuz");
  request.initrds = {scratch.path("d/a.img"), scratch.path("d/b.img")};
  request.cmdline = "console=ttyS0 quiet";
  const auto info = import_installer(store, request);
  INFO((info ? "" : info.error().text()));
  REQUIRE(info);
  CHECK(info->set.kind == "generic");
  CHECK(info->set.cmdline == "console=ttyS0 quiet");
  CHECK(info->set.source == SourceFile{"vmlinuz", Sha256::of(fake_kernel("7.0"))});
  CHECK(content_of(store, info->set, "initrd2") == fake_initrd() + "b");
  CHECK(info->set.found[1] == "kernel: " + scratch.path("d/vmlinuz") + ", 3.0 KiB, Linux 7.0");

  struct Row {
    std::function<void(InstallerRequest&)> change;
    std::string said;
  };
  for (const auto& row : {
           Row{[](auto& r) { r.cmdline = ""; }, "kind generic needs --kernel and --cmdline"},
           Row{[](auto& r) { r.kernel = ""; }, "kind generic needs --kernel and --cmdline"},
           Row{[](auto& r) { r.kind = ""; }, "say --kind as well"},
           Row{[](auto& r) { r.kind = "windows"; },
               "--kind: \"windows\" is none of kairos, debian, debian-live, ubuntu, fcos, fedora, "
               "talos, generic"},
           Row{[](auto& r) { r.kind = "kairos"; }, "kind kairos needs its rootfs"},
           Row{[](auto& r) { r.expected_sha256 = Sha256::of("x"); }, "that of SOURCE"},
           Row{[&](auto& r) { r.initrds[1] = scratch.path("d/text"); }, "initrd2 "},
           Row{[&](auto& r) { r.initrds[0] = scratch.path("d"); }, "is not a regular file"},
           Row{[&](auto& r) { r.kernel = scratch.path("none"); }, "No such file"},
       }) {
    INFO(row.said);
    auto wrong = request;
    wrong.name.version = "2";
    row.change(wrong);
    const auto refused = import_installer(store, wrong);
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().text(), ContainsSubstring(row.said));
  }
  CHECK(store.list_file_sets()->size() == 1);
}

TEST_CASE("a tar of a netboot tree and of a root file system", "[import][installer][tar]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  const std::string images = "/usr/lib/debian-installer/images/12/amd64/text";
  must_run("tar -C " + images + " -czf " + scratch.path("netboot.tar.gz") + " ./debian-installer");
  const auto netboot = import_installer(store, request_of(scratch.path("netboot.tar.gz")));
  INFO((netboot ? "" : netboot.error().text()));
  REQUIRE(netboot);
  CHECK(netboot->set.kind == "debian");
  CHECK_THAT(netboot->set.found[1], ContainsSubstring("Linux 6.1.0-"));

  write_layout(scratch.path("d"),
               {{"boot/vmlinuz-6.1", fake_kernel()}, {"boot/initrd", fake_initrd()}});
  must_run("ln -s vmlinuz-6.1 " + scratch.path("d/boot/vmlinuz") + " && tar -C " +
           scratch.path("d") + " --zstd -cf " + scratch.path("root.tar.zst") + " boot");
  auto request = request_of(scratch.path("root.tar.zst"), "other@1");
  request.kind = "generic";
  request.kernel = "/boot/vmlinuz";
  request.initrds = {"boot/initrd"};
  request.cmdline = "quiet";
  const auto info = import_installer(store, request);
  INFO((info ? "" : info.error().text()));
  REQUIRE(info);
  CHECK(info->set.found[1] == "kernel: /boot/vmlinuz-6.1, 3.0 KiB, Linux 6.1.0-28-amd64");
}

TEST_CASE("an import that is stopped leaves nothing", "[import][installer]") {
  const ScratchFolder scratch;
  auto store = open_store(scratch);
  auto request = request_of(make_medium(scratch, "m.iso", known_layouts().at("ubuntu")));
  std::uint64_t most = 0, total = 0;
  request.progress = [&](std::uint64_t done, std::uint64_t of) {
    most = done;
    total = of;
    return true;
  };
  request.name.version = "0";
  REQUIRE(import_installer(store, request));
  CHECK(most == total);
  REQUIRE(store.remove(request.name));
  for (int calls = 0; calls < 3; ++calls) {
    int left = calls;
    request.progress = [&](std::uint64_t, std::uint64_t) { return left-- > 0; };
    const auto info = import_installer(store, request);
    REQUIRE_FALSE(info);
    CHECK(info.error().text() == "stopped");
    CHECK(blobs_in(scratch) == 0);
  }
}
