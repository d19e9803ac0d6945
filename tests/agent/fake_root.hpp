// A /proc and /sys of our own making, below a temporary folder.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace slipway::test {

class FakeRoot {
 public:
  FakeRoot() {
    std::string name = std::filesystem::temp_directory_path() / "slipway-root-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;
  ~FakeRoot() { std::filesystem::remove_all(path_); }

  void file(const std::string& name, std::string_view content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  void folder(const std::string& name) const { std::filesystem::create_directories(path_ / name); }
  // `target` is relative to the root.
  void link(const std::string& name, const std::string& target) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::filesystem::create_symlink(path_ / target, path_ / name);
  }
  // A disk in /sys/block with a size in octets and 512-octet sectors.
  void disk(const std::string& name, std::uint64_t octets) const {
    const auto block = "sys/block/" + name;
    file(block + "/size", std::to_string(octets / 512) + "\n");
    file(block + "/queue/logical_block_size", "512\n");
    file(block + "/queue/rotational", "0\n");
    file(block + "/removable", "0\n");
    file(block + "/ro", "0\n");
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace slipway::test
