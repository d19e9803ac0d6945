#include "images/import/squashfs.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <future>

#include "base/descriptor.hpp"
#include "base/tool.hpp"

namespace slipway::images {
namespace {

constexpr auto kPatience = std::chrono::hours(2);

Fallible<void> send_all(int to, ByteView octets) {
  while (!octets.empty()) {
    const auto done = ::send(to, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return fail_errno("mksquashfs", errno);
    octets = octets.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

}  // namespace

// A socket in the place of a pipe: writing to one whose reader died raises no signal.
Fallible<void> make_squashfs(const std::filesystem::path& file, std::int64_t seconds,
                             const TarSource& source) {
  if (!find_tool("mksquashfs"))
    return fail("there is no program mksquashfs: install squashfs-tools");
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno("making a socket", errno);
  }
  Descriptor ours(ends[0]);
  Descriptor its(ends[1]);
  const auto time = std::to_string(std::clamp<std::int64_t>(seconds, 0, 0xffffffff));
  std::atomic<bool> cancel = false;
  // The root is no member of the archive: its time would be now, but that this variable holds all
  // times to the newest one; and -root-time does nothing for archives (squashfs-tools 4.5.1).
  const ToolCall call{
      .arguments = {"env", "SOURCE_DATE_EPOCH=" + time, "mksquashfs", "-", file.string(), "-tar",
                    "-noappend", "-quiet", "-no-progress", "-comp", "gzip", "-root-mode", "0755"},
      .patience = kPatience,
      .input = its.get(),
      .cancel = &cancel};
  auto packing = std::async(std::launch::async, [&call, &its] {
    auto result = run_tool(call);
    its.close();  // who still writes is told
    return result;
  });
  bool is_gone = false;  // the program, before it had everything
  const auto sent = source([&](ByteView octets) {
    auto good = send_all(ours.get(), octets);
    is_gone = !good.has_value();
    return good;
  });
  cancel = !sent && !is_gone;
  ours.close();
  const auto packed = packing.get();
  if (!sent && !is_gone) return sent;
  if (!packed) return fail(packed.error(), "packing the root file system");
  return sent;
}

}  // namespace slipway::images
