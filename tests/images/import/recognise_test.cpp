#include "images/import/recognise.hpp"

#include "tests/images/import/media.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

// "kernel=boot/kernel initrd=boot/initrd"
std::string files_of(const Installer& installer) {
  std::string text;
  for (const auto& file : installer.files) {
    text += (text.empty() ? "" : " ") + file.name + "=" + file.member->path;
  }
  return text;
}

ArchiveTree medium_of(const ScratchFolder& scratch, const Layout& layout) {
  auto tree = ArchiveTree::open(make_medium(scratch, "m.iso", layout));
  REQUIRE(tree);
  return std::move(*tree);
}

}  // namespace

TEST_CASE("each system is recognised by what is in it", "[import][recognise]") {
  struct Row {
    const char *layout, *system, *files;
  };
  for (const auto& row : {
           Row{"kairos", "Kairos or Palette installer",
               "kernel=boot/kernel initrd=boot/initrd rootfs=rootfs.squashfs "
               "opt/spectrocloud/content/core.zst=opt/spectrocloud/content/core.zst "
               "opt/spectrocloud/content/core.zst.aa=opt/spectrocloud/content/core.zst.aa"},
           Row{"debian", "Debian installer, CD",
               "kernel=install.amd/vmlinuz initrd=install.amd/initrd.gz"},
           Row{"debian-live", "Debian live",
               "kernel=live/vmlinuz-6.1.0-28-amd64 initrd=live/initrd.img-6.1.0-28-amd64 "
               "rootfs=live/filesystem.squashfs"},
           Row{"ubuntu", "Ubuntu live-server or desktop",
               "kernel=casper/vmlinuz initrd=casper/initrd"},
           Row{"fedora", "Fedora, RHEL or a relative",
               "kernel=images/pxeboot/vmlinuz initrd=images/pxeboot/initrd.img "
               "images/install.img=images/install.img .treeinfo=.treeinfo .discinfo=.discinfo"},
           Row{"fcos", "Fedora CoreOS or RHEL CoreOS live",
               "kernel=images/pxeboot/vmlinuz initrd=images/pxeboot/initrd.img "
               "rootfs=images/pxeboot/rootfs.img"},
           Row{"talos", "Talos", "kernel=boot/vmlinuz initrd=boot/initramfs.xz"},
       }) {
    INFO(row.layout);
    const ScratchFolder scratch;
    const auto tree = medium_of(scratch, known_layouts().at(row.layout));
    const auto found = recognise(tree);
    INFO((found ? "" : found.error().text()));
    REQUIRE(found);
    CHECK(found->kind == row.layout);
    CHECK(found->system == row.system);
    CHECK(files_of(*found) == row.files);
    CHECK(found->whole_medium == (found->kind == "ubuntu"));
  }
}

TEST_CASE("other forms of the same systems", "[import][recognise]") {
  struct Row {
    Layout layout;
    const char *kind, *files;
  };
  for (const auto& row : {
           Row{{{"debian-installer/amd64/linux", "k"}, {"debian-installer/amd64/initrd.gz", "i"}},
               "debian",
               "kernel=debian-installer/amd64/linux initrd=debian-installer/amd64/initrd.gz"},
           Row{{{"linux", "k"}, {"initrd.gz", "i"}}, "debian", "kernel=linux initrd=initrd.gz"},
           Row{{{"install.amd/vmlinuz", "k"}, {"install.amd/gtk/initrd.gz", "i"}},
               "debian",
               "kernel=install.amd/vmlinuz initrd=install.amd/gtk/initrd.gz"},
           Row{{{"casper/hwe-vmlinuz", "k"},
                {"casper/hwe-initrd", "i"},
                {"casper/a.squashfs", "s"}},
               "ubuntu",
               "kernel=casper/hwe-vmlinuz initrd=casper/hwe-initrd"},
           Row{{{"images/pxeboot/vmlinuz", "k"},
                {"images/pxeboot/initrd.img", "i"},
                {"LiveOS/squashfs.img", "s"},
                {".treeinfo", "t"}},
               "fedora",
               "kernel=images/pxeboot/vmlinuz initrd=images/pxeboot/initrd.img "
               "LiveOS/squashfs.img=LiveOS/squashfs.img .treeinfo=.treeinfo"},
           Row{{{"boot/kernel", "k"},
                {"boot/initrd", "i"},
                {"rootfs.squashfs", "s"},
                {"b.zst", "c"}},
               "kairos",
               "kernel=boot/kernel initrd=boot/initrd rootfs=rootfs.squashfs b.zst=b.zst"},
       }) {
    INFO(row.files);
    const ScratchFolder scratch;
    const auto tree = medium_of(scratch, row.layout);
    const auto found = recognise(tree);
    INFO((found ? "" : found.error().text()));
    REQUIRE(found);
    CHECK(found->kind == row.kind);
    CHECK(files_of(*found) == row.files);
  }
}

TEST_CASE("a refusal says what each row missed, and the remedy", "[import][recognise]") {
  const ScratchFolder scratch;
  const auto tree = medium_of(scratch, {{"boot/kernel", "k"}, {"boot/vmlinuz", "k"}});
  const auto found = recognise(tree);
  REQUIRE_FALSE(found);
  for (const auto* said :
       {"kairos (Kairos or Palette installer): no /boot/initrd, no /rootfs.squashfs;",
        "debian (Debian installer, CD): no /install.amd/vmlinuz, no /install.amd/initrd.gz;",
        "debian-live (Debian live): no /live/vmlinuz or /live/vmlinuz-*, no /live/initrd.img or",
        "ubuntu (", "fedora (", "fcos (", "talos (Talos): no /boot/initramfs.xz.",
        "--kind generic --kernel PATH --initrd PATH[,PATH] --cmdline TEXT"}) {
    CHECK_THAT(found.error().text(), ContainsSubstring(said));
  }
  const auto kairos = recognise(tree, "kairos");
  REQUIRE_FALSE(kairos);
  CHECK_THAT(kairos.error().text(), !ContainsSubstring("talos"));
}

TEST_CASE("two candidates at once: a person says which", "[import][recognise]") {
  const ScratchFolder scratch;
  auto both = known_layouts().at("kairos");
  both.insert(known_layouts().at("talos").begin(), known_layouts().at("talos").end());
  const auto tree = medium_of(scratch, both);
  const auto found = recognise(tree);
  REQUIRE_FALSE(found);
  CHECK(found.error().text() ==
        "it is more than one installer (kairos, talos): say which with --kind");
  const auto talos = recognise(tree, "talos");
  REQUIRE(talos);
  CHECK(talos->kind == "talos");
}

TEST_CASE("given files stand for what would be looked for", "[import][recognise]") {
  const ScratchFolder scratch;
  auto layout = known_layouts().at("ubuntu");
  layout["casper/hwe-vmlinuz"] = fake_kernel("6.8-hwe");
  const auto tree = medium_of(scratch, layout);
  const auto found = recognise(tree, "ubuntu", {{"kernel", "/casper/hwe-vmlinuz"}});
  REQUIRE(found);
  CHECK(files_of(*found) == "initrd=casper/initrd kernel=casper/hwe-vmlinuz");
  const auto missing = recognise(tree, "ubuntu", {{"kernel", "/casper/none"}});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().text() == "--kernel: no file /casper/none in it");

  const auto generic = recognise(tree, "generic", {{"kernel", "casper/vmlinuz"}});
  REQUIRE(generic);
  CHECK(files_of(*generic) == "kernel=casper/vmlinuz");
  CHECK(generic->files[0].form == FileForm::kernel);
}

TEST_CASE("plain files serve kinds that need no tree", "[import][recognise]") {
  CHECK(installer_of("generic", {{"kernel", "k"}}));
  CHECK(installer_of("debian", {{"kernel", "k"}, {"initrd", "i"}}));
  const auto kairos = installer_of("kairos", {{"kernel", "k"}, {"initrd", "i"}, {"rootfs", "r"}});
  REQUIRE(kairos);
  CHECK(kairos->files[2].form == FileForm::root_file_system);
  const auto no_root = installer_of("kairos", {{"kernel", "k"}, {"initrd", "i"}});
  REQUIRE_FALSE(no_root);
  CHECK(no_root.error().text() ==
        "kind kairos needs its rootfs: give the ISO or archive as SOURCE");
  CHECK_FALSE(installer_of("ubuntu", {{"kernel", "k"}, {"initrd", "i"}}));
  CHECK_FALSE(installer_of("fedora", {{"kernel", "k"}, {"initrd", "i"}}));
}
