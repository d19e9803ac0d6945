#include "agent/burn_in.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "base/progress.hpp"

namespace slipway::agent {
namespace {

using std::chrono::seconds;
using Tried = std::expected<void, Failure>;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr auto kRemedy = "build it with `slipway installer build --burn-in`";

bool is_cancelled(const BurnInJob& job) { return job.cancel != nullptr && job.cancel->load(); }

std::unexpected<Failure> cancelled() {
  return std::unexpected(Failure{"cancelled", "The server has revoked this attempt."});
}

std::unexpected<Failure> failure(const std::string& reason, const std::string& found) {
  return std::unexpected(Failure{reason, "The burn-in found a fault (" + found +
                                             "); nothing was written. Repair the host, or leave "
                                             "this part of burn_in out of the profile."});
}

std::unexpected<Failure> bad_memory(const std::string& found) {
  return failure("burn-in-memory-failed", found);
}
std::unexpected<Failure> bad_cpu(const std::string& found) {
  return failure("burn-in-cpu-failed", found);
}
std::unexpected<Failure> bad_disk(const std::string& found) {
  return failure("burn-in-disk-failed", found);
}

// The last line of `text` that holds `word`, or empty.
std::string line_with(const std::string& text, std::string_view word) {
  const auto at = text.rfind(word);
  if (at == std::string::npos) return {};
  const auto begin = text.rfind('\n', at);
  const auto from = begin == std::string::npos ? 0 : begin + 1;
  return text.substr(from, std::min(text.find('\n', at), text.size()) - from);
}

// All free memory but a reserve for this program, the kernel and the network. memtester runs until
// `timeout` ends it, and says what it finds at once.
Tried try_memory(const BurnInJob& job) {
  constexpr std::uint64_t kReserve = 128 * kMiB, kLeast = 16 * kMiB;
  const auto reserve = std::max(kReserve, job.free_memory_octets / 10);
  if (job.free_memory_octets < reserve + kLeast) {
    return bad_memory("only " + human_octets(job.free_memory_octets) +
                      " are free, too little to try any of it");
  }
  const auto size = std::to_string((job.free_memory_octets - reserve) / kMiB) + "M";
  const auto time = job.times.memory;
  const auto result =
      job.tools.run({.arguments = {"timeout", std::to_string(time.count()), "memtester", size},
                     .patience = time + seconds(60),
                     .cancel = job.cancel});
  if (is_cancelled(job)) return cancelled();
  if (!result) return bad_memory(result.error().text());
  auto found = line_with(result->trouble, "FAILURE");
  if (found.empty()) found = line_with(result->out, "FAILURE");
  if (!found.empty()) return bad_memory(found);
  // `timeout` gives 124 (coreutils) or the signal's 143 (busybox) when the time was up.
  if (result->code == 124 || result->code == 143) return {};
  return bad_memory("memtester ended early with status " + std::to_string(result->code) + ": " +
                    last_line(result->trouble));
}

Tried try_cpu(const BurnInJob& job) {
  const auto time = job.times.cpu;
  const auto result = job.tools.run(
      {.arguments = {"stress-ng", "--cpu", std::to_string(job.cpus), "--verify", "--timeout",
                     std::to_string(time.count()) + "s", "--temp-path", "/tmp"},
       .folder = "/tmp",
       .patience = time + seconds(60),
       .cancel = job.cancel});
  if (is_cancelled(job)) return cancelled();
  if (!result) return bad_cpu(result.error().text());
  if (result->code == 0) return {};
  auto found = line_with(result->trouble, "fail");
  if (found.empty()) found = last_line(result->trouble + "\n" + result->out);
  return bad_cpu("stress-ng ended with status " + std::to_string(result->code) + ": " + found);
}

// Reads forward from several places in turn, so that the heads of a disk have to move.
Tried try_disk(const BurnInJob& job) {
  constexpr std::size_t kPlaces = 8;
  constexpr unsigned kEnough = 16;  // errors; each may take the disk a minute
  const std::uint64_t part = job.disk_octets / kPlaces / kMiB * kMiB;
  if (part == 0) return bad_disk("it is smaller than " + human_octets(kPlaces * kMiB));
  const auto time = job.times.disk_read;
  const auto begin = job.now();
  Bytes piece(kMiB);
  unsigned errors = 0;
  std::string first;
  for (std::uint64_t done = 0; job.now() - begin < time && errors < kEnough; ++done) {
    if (is_cancelled(job)) return cancelled();
    const auto offset = done % kPlaces * part + done / kPlaces * kMiB % part;
    const auto read = job.read(offset, piece);
    if (!read && errors++ == 0) first = read.error().text();
  }
  if (errors == 0) return {};
  return bad_disk(job.disk + ": " + std::to_string(errors) + " read errors, the first: " + first);
}

}  // namespace

std::optional<Failure> check_burn_in(const BurnIn& times, const Tools& tools) {
  if (times.memory.count() > 0 && !tools.has("memtester")) {
    return tool_missing("memtester", "the profile asks for a burn-in of the memory", kRemedy);
  }
  if (times.cpu.count() > 0 && !tools.has("stress-ng")) {
    return tool_missing("stress-ng", "the profile asks for a burn-in of the CPUs", kRemedy);
  }
  return std::nullopt;
}

std::expected<void, Failure> burn_in(const BurnInJob& job) {
  if (const auto missing = check_burn_in(job.times, job.tools)) return std::unexpected(*missing);
  struct Part {
    const char* name;
    seconds time;
    Tried (*attempt)(const BurnInJob&);
  };
  const std::array<Part, 3> parts{{{"memory", job.times.memory, try_memory},
                                   {"cpu", job.times.cpu, try_cpu},
                                   {"disk", job.times.disk_read, try_disk}}};
  for (const auto& part : parts) {
    if (part.time.count() == 0) continue;
    if (is_cancelled(job)) return cancelled();
    job.begin(part.name, part.time);
    if (const auto tried = part.attempt(job); !tried) return tried;
  }
  return {};
}

}  // namespace slipway::agent
