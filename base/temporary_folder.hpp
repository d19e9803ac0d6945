// base/temporary_folder.hpp -- a folder that lives as long as its object.
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace slipway {

// A folder of its own (mode 0700) below the system's temporary folder, removed with all that is in
// it.
class TemporaryFolder {
 public:
  [[nodiscard]] static Fallible<TemporaryFolder> make();
  TemporaryFolder(TemporaryFolder&& other) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace slipway
