#include "service/import_installer.hpp"

#include "images/import/archive_tree.hpp"
#include "service/progress_bar.hpp"

namespace slipway::service {

void add_installer_options(CLI::App& import, InstallerWords& words) {
  import.add_option("--kind", words.kind,
                    "kairos, debian, debian-live, ubuntu, fedora, fcos, talos or generic; without "
                    "it an ISO is recognised by what is in it; content: files that go onto disks "
                    "as they are");
  import.add_option("--kernel", words.kernel,
                    "the installer's kernel: a path inside SOURCE, or a file without SOURCE");
  import.add_option("--initrd", words.initrds, "the same of its initrd; several with commas")
      ->delimiter(',');
  import.add_option("--rootfs", words.rootfs, "the same of its root file system");
  import.add_option("--cmdline", words.cmdline, "kernel command line; kind generic needs it");
}

bool is_installer(const std::string& source, const InstallerWords& words) {
  if (words.kind == "content") return false;
  if (words.any() || source.empty()) return true;
  return images::ArchiveTree::is_iso(source) || images::ArchiveTree::is_tar(source);
}

Fallible<images::FileSetInfo> import_installer(images::Store& store,
                                               images::InstallerRequest request,
                                               const InstallerWords& words) {
  request.kind = words.kind;
  request.kernel = words.kernel;
  request.initrds = words.initrds;
  request.rootfs = words.rootfs;
  request.cmdline = words.cmdline;
  ProgressBar bar;
  request.progress = [&bar](std::uint64_t done, std::uint64_t total) {
    bar.show("import", done, total);
    return true;
  };
  auto info = images::import_installer(store, request);
  bar.finish();
  return info;
}

}  // namespace slipway::service
