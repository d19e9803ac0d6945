// images/import/part_file.hpp -- the start of a file that is still being fetched, kept across
// broken connections and killed processes.
//
//   FOLDER/KEY/NAME         what came so far, from the file's start
//   FOLDER/KEY/state.json   what the source said of the file it comes from
//
// KEY is made of the source's URL. One process has it at a time. A part that was written before the
// machine was started is not trusted: what had not reached the disk may be holes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/crypto.hpp"
#include "base/result.hpp"

namespace slipway::images {

// How a source tells one content of a URL from another. RFC 9110 s.8.8.
struct SourceVersion {
  std::string etag;                     // strong, with its quotes; else empty
  std::string modified;                 // Last-Modified as it was written; else empty
  std::optional<std::uint64_t> octets;  // of the whole
  bool operator==(const SourceVersion&) const = default;
};

class PartFile {
 public:
  // Makes folders that are missing. Takes away other parts of `folder` that nobody touched for a
  // week. Fails while another process fetches the same URL.
  [[nodiscard]] static Fallible<PartFile> open(const std::filesystem::path& folder,
                                               const std::string& url);
  PartFile(PartFile&& other) noexcept;
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::uint64_t octets() const { return octets_; }
  [[nodiscard]] const SourceVersion& version() const { return version_; }

  // Throws away what is there; what follows is of `version`.
  [[nodiscard]] Fallible<void> restart(SourceVersion version);
  [[nodiscard]] Fallible<void> append(ByteView octets);
  // The last octet; there is at least one.
  [[nodiscard]] Fallible<std::uint8_t> last_octet() const;
  // Makes what is there durable.
  [[nodiscard]] Fallible<void> sync() const;
  // The digest of what is there.
  [[nodiscard]] Sha256 digest();
  // Fails when the file system has no room for `more` octets.
  [[nodiscard]] Fallible<void> check_room(std::uint64_t more) const;

  // Takes the part and its folder away; it must not be used afterwards.
  [[nodiscard]] Fallible<void> remove();

 private:
  PartFile(std::filesystem::path folder, std::filesystem::path path, int lock)
      : folder_(std::move(folder)), path_(std::move(path)), lock_(lock) {}
  [[nodiscard]] Fallible<void> open_file();
  [[nodiscard]] Fallible<void> load_state();
  [[nodiscard]] Fallible<void> save_state() const;
  [[nodiscard]] Fallible<void> digest_file();

  std::filesystem::path folder_, path_;
  int lock_ = -1;  // of folder_
  int fd_ = -1;
  std::uint64_t octets_ = 0;
  SourceVersion version_;
  Sha256Stream digest_;
};

// The last part of a URL's path as a file name of ours: [A-Za-z0-9._-]+, at most 100.
[[nodiscard]] std::string file_name_of(const std::string& url);

}  // namespace slipway::images
