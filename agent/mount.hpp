// agent/mount.hpp -- a file system that is mounted as long as its object lives.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace slipway::agent {

class Mount {
 public:
  enum class Access : std::uint8_t { read_write, read_only };

  // Mounts `device` with the kernel's driver `type` on a new folder below the temporary folder.
  // Nothing in it can be run, opened as a device or raise a privilege.
  [[nodiscard]] static Fallible<Mount> make(const std::string& device, const std::string& type,
                                            Access access);
  Mount(Mount&& other) noexcept;
  Mount& operator=(Mount&&) = delete;
  ~Mount();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Returns when all is written to the device. Any number of times.
  [[nodiscard]] Fallible<void> unmount();

 private:
  explicit Mount(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;  // empty: not mounted any more
};

}  // namespace slipway::agent
