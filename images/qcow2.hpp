// images/qcow2.hpp -- a qcow2 image (QEMU's docs/interop/qcow2.txt, versions 2 and 3) as a stream
// of raw octets.
//
// Hostile input: every offset and length is held against the file. Refused are backing files, data
// files, encryption, extended L2 entries and images that are marked corrupt: none of them can be
// read from this one file alone. Internal snapshots are ignored.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace slipway::images {

inline constexpr std::string_view kQcow2Magic = "QFI\xfb";

class Qcow2Reader {
 public:
  // `fd` must stay open and is read by position; `file_octets` is its size.
  [[nodiscard]] static Fallible<Qcow2Reader> open(int fd, std::uint64_t file_octets);

  [[nodiscard]] std::uint64_t raw_octets() const { return raw_octets_; }  // of the disk
  [[nodiscard]] std::uint64_t at() const { return at_; }                  // read so far

  // The next octets of the disk; fewer than asked for: its end.
  [[nodiscard]] Fallible<std::size_t> read(std::span<std::uint8_t> out);

 private:
  Qcow2Reader(int fd, std::uint64_t file_octets) : fd_(fd), file_octets_(file_octets) {}
  [[nodiscard]] Fallible<void> read_header();
  [[nodiscard]] Fallible<void> check_features(ByteView header);
  [[nodiscard]] Fallible<void> read_l1(std::uint64_t offset, std::uint64_t entries);
  [[nodiscard]] Fallible<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const;
  [[nodiscard]] Fallible<std::uint64_t> l2_entry(std::uint64_t cluster);
  [[nodiscard]] Fallible<void> load(std::uint64_t cluster);
  [[nodiscard]] Fallible<void> load_packed(std::uint64_t entry);
  [[nodiscard]] std::uint64_t cluster_octets() const { return std::uint64_t{1} << cluster_bits_; }

  int fd_;
  std::uint64_t file_octets_;
  std::uint64_t raw_octets_ = 0;
  std::uint64_t at_ = 0;
  unsigned version_ = 0;
  unsigned cluster_bits_ = 0;
  bool zstd_ = false;               // how compressed clusters are packed; else deflate
  Bytes l1_;                        // the table as it is stored
  Bytes l2_;                        // one table as it is stored
  std::uint64_t l2_index_ = ~0ULL;  // of which L1 entry
  Bytes cluster_;                   // what load() made
  std::uint64_t loaded_ = ~0ULL;    // which cluster that is
};

}  // namespace slipway::images
