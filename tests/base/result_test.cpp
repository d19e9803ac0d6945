#include "base/result.hpp"

#include <cerrno>

#include "tests/support/catch.hpp"

using namespace slipway;

TEST_CASE("an error says where it was, layer by layer", "[base][result]") {
  const auto error = Error::from_errno("LBA 8", EIO).within("writing /dev/sda");
  CHECK(error.text() == "writing /dev/sda: LBA 8: Input/output error");
  const Fallible<int> failed = fail(error, "install");
  CHECK(failed.error().text() == "install: writing /dev/sda: LBA 8: Input/output error");
  const Fallible<int> plain = fail("no such image");
  CHECK(plain.error().text() == "no such image");
  const Fallible<int> numbered = fail_errno("opening x", ENOENT);
  CHECK(numbered.error().text() == "opening x: No such file or directory");
}
