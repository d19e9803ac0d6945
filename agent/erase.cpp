#include "agent/erase.hpp"

#include <algorithm>
#include <charconv>

namespace slipway::agent {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::size_t kIdentifyOctets = 4096;

// NVMe 2.0, figure 86: admin commands.
constexpr std::uint8_t kGetLogPage = 0x02;
constexpr std::uint8_t kIdentify = 0x06;
constexpr std::uint8_t kFormat = 0x80;
constexpr std::uint8_t kSanitize = 0x84;
constexpr std::uint32_t kAllNamespaces = 0xFFFFFFFF;

// What Identify Controller says (figure 275) of erasing.
struct NvmeAbilities {
  bool crypto = false, block = false;  // SANICAP
  bool format = false;                 // OACS
  bool format_takes_all = false;       // FNA: a format or its secure erase hits every namespace
  bool shares = false;                 // there are other namespaces, whose data sanitize would take
};

std::uint32_t le32_at(ByteView data, std::size_t at) {
  Reader in(data.subspan(at));
  return in.le32();
}

Fallible<Bytes> identify(EraseTarget& target, std::uint32_t structure, std::uint32_t name) {
  Bytes data(kIdentifyOctets);
  const auto done =
      target.nvme({.opcode = kIdentify, .namespace_id = name, .cdw10 = structure}, data);
  if (!done) return std::unexpected(done.error());
  return data;
}

Fallible<NvmeAbilities> nvme_abilities(EraseTarget& target) {
  const auto controller = identify(target, 1, 0);
  if (!controller) return std::unexpected(controller.error());
  const auto active = identify(target, 2, 0);  // a list of namespace ids, 0 ends it
  if (!active) return std::unexpected(active.error());
  const auto sanicap = le32_at(*controller, 328);
  const auto fna = (*controller)[524];
  return NvmeAbilities{.crypto = (sanicap & 1U) != 0,
                       .block = (sanicap & 2U) != 0,
                       .format = ((*controller)[256] & 2U) != 0,
                       .format_takes_all = (fna & 3U) != 0,
                       .shares = le32_at(*active, 4) != 0};
}

Failure unsupported(const std::string& why) {
  return {"erase-unsupported",
          why +
              "; nothing was written. Use another disk, or `erase: discard` or `none` in the "
              "profile, if its old content may be readable."};
}

std::expected<EraseMethod, Failure> choose_nvme(const Disk& disk, EraseTarget& target) {
  const auto can = nvme_abilities(target);
  if (!can) return std::unexpected(unsupported(disk.path + ": " + can.error().text()));
  if (can->crypto && !can->shares) return EraseMethod::sanitize_crypto;
  if (can->block && !can->shares) return EraseMethod::sanitize_block;
  if (can->format && !(can->shares && can->format_takes_all)) return EraseMethod::nvme_format;
  return std::unexpected(unsupported(
      can->shares ? disk.path + " cannot be erased without the other namespaces of its controller"
                  : disk.path + " offers neither sanitize nor format"));
}

// The section "Security:" of `hdparm -I`, a property a line, with "not" before what is not so.
struct AtaSecurity {
  bool supported = false, enabled = false, locked = false, frozen = false, enhanced = false;
};

AtaSecurity parse_security(const std::string& text) {
  AtaSecurity found;
  auto at = text.find("\nSecurity:");
  while (at != std::string::npos) {
    const auto begin = text.find('\n', at) == at ? at + 1 : at;
    const auto end = text.find('\n', begin);
    auto line = text.substr(begin, end == std::string::npos ? end : end - begin);
    std::erase_if(line, [](char c) { return c == '\t' || c == ' '; });
    if (line == "supported") found.supported = true;
    if (line == "enabled") found.enabled = true;
    if (line == "locked") found.locked = true;
    if (line == "frozen") found.frozen = true;
    if (line == "supported:enhancederase") found.enhanced = true;
    at = end;
  }
  return found;
}

std::expected<EraseMethod, Failure> choose_ata(const Disk& disk, EraseTarget& target,
                                               const Tools& tools) {
  if (!tools.has("hdparm")) {
    return std::unexpected(tool_missing("hdparm", "the profile asks for a secure erase",
                                        "build it on a server that has hdparm"));
  }
  const auto said = target.hdparm({"-I"}, std::chrono::seconds(60));
  if (!said) return std::unexpected(unsupported(disk.path + ": " + said.error().text()));
  const auto security = parse_security(said->out);
  if (!security.supported) {
    return std::unexpected(unsupported(disk.path + " has no ATA secure erase"));
  }
  if (security.enabled || security.locked) {
    return std::unexpected(unsupported(disk.path + " is protected by a password of its own"));
  }
  if (security.frozen) {
    return std::unexpected(Failure{
        "disk-frozen", "The firmware has frozen the security settings of " + disk.path +
                           "; suspend and wake the host, or pull the disk's cable and plug it in "
                           "again while the host is on, then try again from the server."});
  }
  return security.enhanced ? EraseMethod::ata_enhanced : EraseMethod::ata;
}

// ---- doing it

Failure failed(const EraseJob& job, const std::string& why) {
  return {"erase-failed", "Erasing " + job.path + " failed (" + why +
                              "); what is on it is uncertain. Try again, or replace it."};
}

bool is_cancelled(const EraseJob& job) { return job.cancel != nullptr && job.cancel->load(); }

Failure cancelled() { return {"cancelled", "The server has revoked this attempt."}; }

std::expected<void, Failure> discard(const EraseJob& job) {
  constexpr std::uint64_t kStep = 1024 * kMiB;
  const auto size = job.target.size_octets();
  for (std::uint64_t at = 0; at < size; at += kStep) {
    if (is_cancelled(job)) return std::unexpected(cancelled());
    job.progress(at, size);
    const auto done = job.target.discard(at, std::min(kStep, size - at));
    if (!done) return std::unexpected(failed(job, done.error().text()));
  }
  job.progress(size, size);
  return {};
}

// Sanitize goes on in the controller; its log page 0x81 says how far it is (figure 267).
std::expected<void, Failure> sanitize(const EraseJob& job) {
  constexpr std::uint32_t kLog = 0x81;
  constexpr std::uint32_t kLogDwords = 512 / 4;
  constexpr std::uint32_t kBlock = 2, kCrypto = 4;
  const auto action = job.method == EraseMethod::sanitize_crypto ? kCrypto : kBlock;
  const auto begun = job.target.nvme({.opcode = kSanitize, .cdw10 = action}, {});
  if (!begun) return std::unexpected(failed(job, begun.error().text()));
  const auto size = job.target.size_octets();
  Bytes log(std::size_t{kLogDwords} * 4);
  for (;;) {
    const auto read = job.target.nvme({.opcode = kGetLogPage,
                                       .namespace_id = kAllNamespaces,
                                       .cdw10 = kLog | (kLogDwords - 1) << 16},
                                      log);
    if (!read) return std::unexpected(failed(job, read.error().text()));
    Reader in(log);
    const std::uint64_t done = in.le16();  // of 65536
    const auto state = in.le16() & 7U;
    if (state == 1 || state == 4) return {};
    if (state != 2)
      return std::unexpected(failed(job, "sanitize ended with state " + std::to_string(state)));
    job.progress(size / 65536 * done, size);
    job.target.pause(milliseconds(500));
  }
}

// Keeps the present format of the blocks. Figure 188.
std::expected<void, Failure> format(const EraseJob& job) {
  constexpr std::uint32_t kUserDataErase = 1;
  const auto name = job.target.nvme_namespace();
  if (!name) return std::unexpected(failed(job, name.error().text()));
  const auto space = identify(job.target, 0, *name);
  if (!space) return std::unexpected(failed(job, space.error().text()));
  const std::uint32_t flbas = (*space)[26], dps = (*space)[29];
  const auto cdw10 = (flbas & 0x0FU) | (flbas >> 4 & 1U) << 4 | (dps & 7U) << 5 |
                     (dps >> 3 & 1U) << 8 | kUserDataErase << 9 | (flbas >> 5 & 3U) << 12;
  const auto done = job.target.nvme(
      {.opcode = kFormat, .namespace_id = *name, .cdw10 = cdw10, .timeout_ms = 30 * 60'000}, {});
  if (!done) return std::unexpected(failed(job, done.error().text()));
  return {};
}

std::expected<void, Failure> ata_erase(const EraseJob& job) {
  using std::chrono::hours;
  constexpr auto kPassword = "slipway";  // for these minutes only: the erase itself clears it
  const auto step = [&](const std::vector<std::string>& options,
                        std::chrono::seconds patience) -> std::optional<std::string> {
    const auto result = job.target.hdparm(options, patience);
    if (!result) return result.error().text();
    if (result->code == 0) return std::nullopt;
    return "hdparm: " + last_line(result->trouble.empty() ? result->out : result->trouble);
  };
  const auto set =
      step({"--user-master", "u", "--security-set-pass", kPassword}, std::chrono::seconds(60));
  if (set) return std::unexpected(failed(job, *set));
  const std::string command =
      job.method == EraseMethod::ata_enhanced ? "--security-erase-enhanced" : "--security-erase";
  const auto erased = step({"--user-master", "u", command, kPassword}, hours(24));
  if (!erased) return {};
  // A disk that keeps the password would be lost at its next start.
  const auto cleared =
      step({"--user-master", "u", "--security-disable", kPassword}, std::chrono::seconds(60));
  return std::unexpected(
      failed(job, *erased + (cleared ? "; it keeps the password \"slipway\": " + *cleared : "")));
}

// ---- checking it

struct Samples {
  std::vector<std::uint64_t> offsets;
  std::vector<Sha256> digests;
  std::vector<bool> empty;  // one value throughout: 0x00 or 0xFF
};

// 64 KiB pieces: the whole first and last MiB, and 64 between.
std::vector<std::uint64_t> sample_offsets(std::uint64_t size) {
  constexpr std::uint64_t kPiece = 64 * 1024;
  std::vector<std::uint64_t> offsets;
  const auto last = size < kPiece ? 0 : (size - kPiece) / 4096 * 4096;
  for (std::uint64_t i = 0; i < kMiB / kPiece; ++i) {
    offsets.push_back(std::min(i * kPiece, last));
    offsets.push_back(last - std::min(i * kPiece, last));
  }
  for (std::uint64_t i = 1; i <= 64; ++i) offsets.push_back(last / 65 * i / 4096 * 4096);
  std::ranges::sort(offsets);
  offsets.erase(std::ranges::unique(offsets).begin(), offsets.end());
  return offsets;
}

Fallible<Samples> take_samples(EraseTarget& target) {
  const auto size = target.size_octets();
  Samples samples{.offsets = sample_offsets(size), .digests = {}, .empty = {}};
  Bytes piece(std::min<std::uint64_t>(64 * 1024, size / 4096 * 4096));
  for (const auto offset : samples.offsets) {
    if (const auto read = target.read_at(offset, piece); !read)
      return std::unexpected(read.error());
    const bool same = std::ranges::all_of(piece, [&](auto octet) { return octet == piece[0]; });
    samples.empty.push_back(same && (piece[0] == 0 || piece[0] == 0xFF));
    samples.digests.push_back(Sha256::of(piece));
  }
  return samples;
}

std::expected<void, Failure> verify(const EraseJob& job, const Samples& before) {
  const auto after = take_samples(job.target);
  if (!after) return std::unexpected(failed(job, after.error().text()));
  const bool crypto = job.method == EraseMethod::sanitize_crypto;
  for (std::size_t i = 0; i < after->offsets.size(); ++i) {
    if (after->empty[i] || (crypto && after->digests[i] != before.digests[i])) continue;
    return std::unexpected(
        Failure{"erase-not-verified",
                job.path + " says that it is erased, and still holds data at octet " +
                    std::to_string(after->offsets[i]) +
                    "; use `erase: secure` where it is supported, or replace the disk."});
  }
  return {};
}

}  // namespace

std::string_view to_text(EraseMethod method) {
  switch (method) {
    case EraseMethod::discard: return "discard";
    case EraseMethod::sanitize_crypto: return "nvme-sanitize-crypto";
    case EraseMethod::sanitize_block: return "nvme-sanitize-block";
    case EraseMethod::nvme_format: return "nvme-format";
    case EraseMethod::ata: return "ata-secure-erase";
    case EraseMethod::ata_enhanced: return "ata-secure-erase-enhanced";
  }
  return "discard";
}

std::expected<std::optional<EraseMethod>, Failure> choose_erase(Erase wanted, const Disk& disk,
                                                                EraseTarget& target,
                                                                const Tools& tools) {
  if (wanted == Erase::none) return std::nullopt;
  if (wanted == Erase::discard) {
    if (target.can_discard()) return EraseMethod::discard;
    return std::unexpected(unsupported(disk.path + " cannot discard"));
  }
  if (disk.type == "nvme") return choose_nvme(disk, target);
  if (disk.type == "ssd" || disk.type == "hdd") return choose_ata(disk, target, tools);
  return std::unexpected(unsupported("A secure erase of " + disk.type + " disks such as " +
                                     disk.path + " is not known"));
}

std::expected<void, Failure> erase_disk(const EraseJob& job) {
  const auto before = take_samples(job.target);
  if (!before) return std::unexpected(failed(job, before.error().text()));
  std::expected<void, Failure> done;
  switch (job.method) {
    case EraseMethod::discard: done = discard(job); break;
    case EraseMethod::sanitize_crypto:
    case EraseMethod::sanitize_block: done = sanitize(job); break;
    case EraseMethod::nvme_format: done = format(job); break;
    case EraseMethod::ata:
    case EraseMethod::ata_enhanced: done = ata_erase(job); break;
  }
  if (!done) return done;
  return verify(job, *before);
}

}  // namespace slipway::agent
