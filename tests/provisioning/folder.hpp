// A folder of files under the system's temporary folder, gone with the object.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "provisioning/value.hpp"

namespace slipway::provisioning {

class Folder {
 public:
  Folder() {
    auto name = (std::filesystem::temp_directory_path() / "slipway-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    root_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;  // a folder that stays behind fails no test
    std::filesystem::remove_all(root_, ignored);
  }

  std::filesystem::path write(std::string_view path, std::string_view text, int mode = 0644) {
    const auto file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
    std::filesystem::permissions(file, static_cast<std::filesystem::perms>(mode));
    return file;
  }

  const std::filesystem::path& path() const { return root_; }

  // What `check` would print of the mistakes, without the folder's own name; warnings too or not.
  std::vector<std::string> lines(const std::vector<Mistake>& mistakes, bool warnings) const {
    std::vector<std::string> out;
    const auto prefix = root_.string() + "/";
    for (const auto& mistake : mistakes) {
      if (mistake.is_warning != warnings) continue;
      auto line = mistake.line();
      for (auto at = line.find(prefix); at != std::string::npos; at = line.find(prefix)) {
        line.erase(at, prefix.size());
      }
      out.push_back(std::move(line));
    }
    return out;
  }

 private:
  std::filesystem::path root_;
};

}  // namespace slipway::provisioning
