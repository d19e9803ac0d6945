// service/artifacts.hpp -- the image store and the built installer as provisioning sees them.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "images/store.hpp"
#include "provisioning/artifacts.hpp"
#include "provisioning/config.hpp"

namespace slipway::service {

class StoreArtifacts final : public provisioning::Artifacts {
 public:
  // Opens the store below data_dir. An installer that is not there yet is no error: installer()
  // says so when it is asked for, and looks again each time.
  [[nodiscard]] static Fallible<std::unique_ptr<StoreArtifacts>> open(
      const provisioning::Config& config);

  [[nodiscard]] Fallible<provisioning::ImageFiles> find_image(std::string_view name) override;
  [[nodiscard]] Fallible<provisioning::InstallerSet> find_installer(std::string_view name) override;
  [[nodiscard]] Fallible<std::vector<provisioning::ContentPart>> find_content(
      std::string_view name) override;
  [[nodiscard]] Fallible<provisioning::InstallerFiles> installer() override;
  [[nodiscard]] std::shared_ptr<const http::File> open(const Sha256& digest) override;
  [[nodiscard]] Fallible<Bytes> cidata_iso(const provisioning::Seed& seed) override;
  [[nodiscard]] Fallible<Bytes> cidata_fat(const provisioning::Seed& seed) override;
  [[nodiscard]] Fallible<Bytes> token_cpio(std::string_view token) override;

 private:
  StoreArtifacts(images::Store store, std::filesystem::path installer)
      : store_(std::move(store)), installer_folder_(std::move(installer)) {}
  struct KeptSet {
    provisioning::InstallerSet set;
    std::chrono::steady_clock::time_point read;
  };
  [[nodiscard]] Fallible<provisioning::InstallerSet> read_installer_set(
      std::string_view name) const;
  [[nodiscard]] std::optional<std::filesystem::path> path_of(const Sha256& digest);

  images::Store store_;
  std::filesystem::path installer_folder_;
  std::filesystem::file_time_type installer_read_{};  // of installer.json when it was last read
  std::chrono::steady_clock::time_point installer_looked_{};  // at that time of the file
  std::optional<provisioning::InstallerFiles> installer_;
  std::map<Sha256, std::shared_ptr<const http::File>> open_files_;
  std::map<std::string, KeptSet, std::less<>> sets_;
};

}  // namespace slipway::service
