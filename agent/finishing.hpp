// agent/finishing.hpp -- what a plan wants in the partitions after the image: a larger file system,
// the host's document, files of content.
//
// In two halves. look() reads the image before anything is written, so that what this host cannot
// do is known while its disk is still as it was. run() works on the written disk, by byte offsets,
// before there is a partition table on it.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/content.hpp"
#include "agent/content_place.hpp"
#include "agent/failure.hpp"
#include "agent/file_system.hpp"
#include "agent/oem.hpp"
#include "agent/plan.hpp"
#include "images/peek.hpp"

namespace slipway::agent {

class Finishing {
 public:
  struct Options {
    bool grow = false;  // the last partition's file system
    bool oem = false;   // there is a document for Kairos
    std::vector<ContentFile> content = {};
    std::filesystem::path disk;
    std::uint64_t disk_octets = 0;
    std::uint32_t sector_octets = 512;
    const std::atomic<bool>* cancel = nullptr;
    std::function<bool(const std::string& tool)> has_tool;  // whether this host can run it
    std::function<std::unique_ptr<images::Fetcher>(const std::string& url)> fetcher = {};
    // How much of the content is on the disk.
    std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
  };
  explicit Finishing(Options options) : options_(std::move(options)) {}

  // Fails with tool-missing, content-no-place, content-no-room, or with what Peek fails with.
  [[nodiscard]] std::expected<void, Failure> look(images::Peek& peek);

  // After look(): whether the image has a file system that takes the document.
  [[nodiscard]] bool takes_document() const { return oem_number_.has_value(); }
  void give_document(Document document) { document_ = std::move(document); }

  // After look(): whether there is anything to do on the disk.
  [[nodiscard]] bool has_work() const { return grow_number_ || document_ || !places_.empty(); }
  // WriteJob::finishing. Fails with grow-failed, oem-write-failed, or as write_content() does.
  [[nodiscard]] images::Outcome run(const std::vector<images::Partition>& partitions) const;

  // After look(): empty, or what the person at the server should know of this success.
  [[nodiscard]] const std::string& warning() const { return warning_; }

 private:
  [[nodiscard]] std::expected<void, Failure> look_to_grow(
      images::Peek& peek, const std::vector<images::Partition>& partitions);
  [[nodiscard]] std::expected<void, Failure> look_for_oem(
      images::Peek& peek, const std::vector<images::Partition>& partitions);

  [[nodiscard]] std::expected<void, Failure> look_for_content(
      images::Peek& peek, const std::vector<images::Partition>& partitions);
  [[nodiscard]] images::Outcome deliver(const std::vector<images::Partition>& partitions) const;
  [[nodiscard]] std::expected<DiskPart, images::WriteError> part_of(
      unsigned number, const std::vector<images::Partition>& partitions) const;

  Options options_;
  std::optional<unsigned> grow_number_, oem_number_;  // of partitions
  std::optional<Document> document_;
  std::vector<ContentPlace> places_;
  std::string warning_;
};

}  // namespace slipway::agent
