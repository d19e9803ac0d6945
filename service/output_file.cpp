#include "service/output_file.hpp"

#include "images/files.hpp"

namespace slipway::service {

namespace fs = std::filesystem;

Fallible<void> write_output(const fs::path& target, ByteView octets, unsigned mode) {
  std::error_code error;
  const auto status = fs::symlink_status(target, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    return fail(target.native() + " is no regular file; write to a file and copy that");
  }
  const auto folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  auto file = images::NewFile::create(folder, mode);
  if (!file) return fail(file.error(), "making " + target.native());
  const auto written = file->write(octets);
  if (!written) return fail(written.error(), "making " + target.native());
  return std::move(*file).publish(folder / target.filename(), folder);
}

}  // namespace slipway::service
