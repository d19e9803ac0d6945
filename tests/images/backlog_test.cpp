// Which pieces may be read back, and when a flush is due that lets more of them be read.
#include "images/backlog.hpp"

#include "tests/support/catch.hpp"

namespace slipway::images {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

Piece chunk(std::size_t index) { return {.index = index, .offset = index * kMiB, .length = kMiB}; }

TEST_CASE("a flush is due early only while nothing is left to read back", "[backlog]") {
  Backlog backlog;
  backlog.wrote(chunk(0), kMiB);
  CHECK(backlog.begin_due_flush(2 * kMiB, 4 * kMiB).empty());
  backlog.wrote(chunk(1), kMiB);
  const auto early = backlog.begin_due_flush(2 * kMiB, 4 * kMiB);
  CHECK(early.size() == 2);
  CHECK_FALSE(backlog.next());  // the flush has not returned
  backlog.flushed(early);

  for (std::size_t i = 2; i < 5; ++i) backlog.wrote(chunk(i), kMiB);
  CHECK(backlog.begin_due_flush(2 * kMiB, 4 * kMiB).empty());  // there is something to read
  backlog.wrote(chunk(5), kMiB);
  CHECK(backlog.begin_due_flush(2 * kMiB, 4 * kMiB).size() == 4);
}

TEST_CASE("the count begins again with each flush, and free zeros are not in it", "[backlog]") {
  Backlog backlog;
  backlog.wrote({.kind = Piece::Kind::zero, .offset = 0, .length = 64 * kMiB});
  CHECK(backlog.begin_due_flush(kMiB, kMiB).empty());
  backlog.wrote(chunk(64), kMiB);
  CHECK(backlog.begin_due_flush(kMiB, kMiB).size() == 2);
  CHECK(backlog.begin_due_flush(kMiB, kMiB).empty());
  backlog.wrote(chunk(65));
  CHECK(backlog.begin_flush().size() == 1);  // asked for: due or not
}

}  // namespace
}  // namespace slipway::images
