// The disk of the database is full: nothing new begins, what was begun goes on, and it recovers.
#include <sys/resource.h>

#include <csignal>

#include "tests/provisioning/depot.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

const std::string kMac = "52:54:00:aa:00:01";

// While it lives, no file of this process grows beyond `octets`: a write fails as on a full disk.
class FileLimit {
 public:
  explicit FileLimit(std::uintmax_t octets) : former_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &former_) == 0);
    const rlimit limit{.rlim_cur = octets, .rlim_max = former_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileLimit() {
    ::setrlimit(RLIMIT_FSIZE, &former_);
    (void)std::signal(SIGXFSZ, former_handler_);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit former_{};
  sighandler_t former_handler_;
};

}  // namespace

TEST_CASE("a full disk lets begun hosts go on, says what is wrong, and is recovered from",
          "[provisioning][store]") {
  Depot depot;
  depot.arm("h1");
  const auto token = depot.token_for(kMac);
  {
    const FileLimit full(std::filesystem::file_size(depot.folder / "slipway.db-wal"));
    const auto refused = depot.order("/api/v1/hosts/h2/arm");
    CHECK(refused.status == 503);
    CHECK_THAT(text_of(refused), ContainsSubstring("writing the database"));
    CHECK(depot.state("h2") == "assigned");
    CHECK(depot.token_for(kMac) == token);  // asks again: the same attempt, without a write
    CHECK(depot.state("h1") == "booting");
  }
  CHECK(depot.order("/api/v1/hosts/h2/arm").status == 200);
  CHECK_FALSE(depot.session_for(token).empty());
  depot.restart();
  CHECK(depot.state("h1") == "booting");
  CHECK(depot.state("h2") == "armed");
  CHECK(*depot.verify_audit() > 0);
}

}  // namespace slipway::provisioning
