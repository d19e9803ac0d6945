// agent/erase.hpp -- the old content of a disk is made unreadable before the new one comes.
//
// Decided first (choose_erase(), which writes nothing: a disk that cannot do what the profile asks
// for is not written at all, never erased in a weaker way), carried out, then checked by reading.
//
//   discard  the block layer's discard of the whole disk (TRIM, UNMAP, NVMe deallocate)
//   secure   NVMe: sanitize by crypto or block erase, else Format NVM with secure erase (NVMe 2.0
//            s.5.24, s.5.14); ATA: SECURITY ERASE UNIT, enhanced where supported, through hdparm
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/disks.hpp"
#include "agent/failure.hpp"
#include "agent/plan.hpp"
#include "agent/tools.hpp"
#include "base/bytes.hpp"

namespace slipway::agent {

// An admin command of NVMe; cdw0's opcode and cdw10, with the data that the controller gives.
struct NvmeCommand {
  std::uint8_t opcode = 0;
  std::uint32_t namespace_id = 0;
  std::uint32_t cdw10 = 0;
  std::uint32_t timeout_ms = 60'000;
};

// The disk as an erase sees it; tests replace it.
class EraseTarget {
 public:
  EraseTarget() = default;
  EraseTarget(const EraseTarget&) = delete;
  EraseTarget& operator=(const EraseTarget&) = delete;
  virtual ~EraseTarget() = default;

  [[nodiscard]] virtual std::uint64_t size_octets() = 0;
  // Past every cache. Offset and length are multiples of 4096.
  [[nodiscard]] virtual Fallible<void> read_at(std::uint64_t offset,
                                               std::span<std::uint8_t> out) = 0;
  [[nodiscard]] virtual bool can_discard() = 0;
  [[nodiscard]] virtual Fallible<void> discard(std::uint64_t offset, std::uint64_t length) = 0;
  [[nodiscard]] virtual Fallible<std::uint32_t> nvme_namespace() = 0;
  [[nodiscard]] virtual Fallible<void> nvme(const NvmeCommand& command,
                                            std::span<std::uint8_t> out) = 0;
  [[nodiscard]] virtual Fallible<ToolResult> hdparm(const std::vector<std::string>& options,
                                                    std::chrono::seconds patience) = 0;
  virtual void pause(std::chrono::milliseconds time) = 0;
};

// `device` is a path: /dev/sda. The kernel's calls, and hdparm through `tools`; both outlive it.
[[nodiscard]] Fallible<std::unique_ptr<EraseTarget>> open_erase_target(const std::string& device,
                                                                       const Tools& tools);

enum class EraseMethod : std::uint8_t {
  discard,
  sanitize_crypto,
  sanitize_block,
  nvme_format,
  ata,
  ata_enhanced
};
[[nodiscard]] std::string_view to_text(EraseMethod method);  // "nvme-sanitize-crypto"

// Nothing for Erase::none. Fails with erase-unsupported, disk-frozen or tool-missing.
[[nodiscard]] std::expected<std::optional<EraseMethod>, Failure> choose_erase(Erase wanted,
                                                                              const Disk& disk,
                                                                              EraseTarget& target,
                                                                              const Tools& tools);

struct EraseJob {
  EraseMethod method;
  EraseTarget& target;
  std::string path;  // for messages
  std::function<void(std::uint64_t done_octets, std::uint64_t total_octets)> progress =
      [](std::uint64_t, std::uint64_t) {};
  const std::atomic<bool>* cancel = nullptr;
};

// Blocks until the disk is erased and its samples (the first and the last MiB, and 64 places
// between) were read: each holds one value throughout, zeros or ones, or after a crypto erase
// something else than before. Fails with erase-failed, erase-not-verified or cancelled. What the
// disk itself does (NVMe, ATA) cannot be called off once begun.
[[nodiscard]] std::expected<void, Failure> erase_disk(const EraseJob& job);

}  // namespace slipway::agent
