// provisioning/loaders.hpp -- the boot programs of the distribution, for TFTP and UEFI HTTP Boot.
//
// A fixed list of names is read once; nothing else in the folder can be asked for.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.hpp"
#include "tftp/files.hpp"

namespace slipway::provisioning {

class Loaders {
 public:
  // Reads the published loaders of `folder` into memory; those that are missing are left out.
  explicit Loaders(const std::filesystem::path& folder);

  // Names of published loaders that `folder` does not have: clients that need them get nothing.
  [[nodiscard]] const std::vector<std::string>& missing() const { return missing_; }

  // The octets for TFTP, or null.
  [[nodiscard]] std::shared_ptr<const tftp::Source> source(std::string_view name) const;

  // The same file for HTTP, or null.
  [[nodiscard]] std::shared_ptr<const http::File> file(std::string_view name) const;

 private:
  struct Loader {
    std::shared_ptr<const tftp::Source> source;
    std::shared_ptr<const http::File> file;
  };
  void read(const std::filesystem::path& path, const std::string& name);

  std::map<std::string, Loader, std::less<>> loaders_;
  std::vector<std::string> missing_;
};

}  // namespace slipway::provisioning
