// Any octets as a qcow2 image: it is read to its end, or refused. The file lies in memory.
#include "images/qcow2.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/descriptor.hpp"

using namespace slipway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kMaxOctets = std::uint64_t{16} << 20;
  const Descriptor file(::memfd_create("qcow2", MFD_CLOEXEC));
  if (file.get() < 0 || ::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  auto reader = images::Qcow2Reader::open(file.get(), size);
  if (!reader) return 0;
  Bytes piece(std::size_t{1} << 20);
  while (reader->at() < std::min(reader->raw_octets(), kMaxOctets)) {
    const auto got = reader->read(piece);
    if (!got) return 0;
    if (*got == 0) std::abort();  // neither the end nor a step
  }
  return 0;
}
