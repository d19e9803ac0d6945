// The power of the server fails while it writes its store: ext4 on a loop device, stopped by
// EXT4_IOC_SHUTDOWN without a flush, mounted again. What was acknowledged is there, and the audit
// chain is whole. The control, a store that does not flush, must lose something.
//
// Needs root, for the mounts; they are in a mount namespace of this process.
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "provisioning/store.hpp"
#include "tests/support/catch.hpp"

namespace slipway::provisioning {
namespace {

namespace fs = std::filesystem;
using enum HostState;

// linux/ext4.h, which Debian's kernel headers have only from 6.8 on.
constexpr unsigned long kExt4Shutdown = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t kWithoutFlushingTheLog = 2;

void run(const std::string& command) {
  INFO(command);
  REQUIRE(std::system(command.c_str()) == 0);
}

// A disk that loses its power.
class Disk {
 public:
  Disk() {
    REQUIRE(::unshare(CLONE_NEWNS) == 0);
    REQUIRE(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    // In memory, so that a flush costs what the file system makes of it and nothing more.
    std::string pattern = "/dev/shm/slipway-cut-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    fs::create_directory(place());
    run("truncate -s 64M " + image() + " && mkfs.ext4 -q -F " + image());
    mount();
  }
  ~Disk() {
    (void)::umount2(place().c_str(), MNT_DETACH);
    fs::remove_all(folder_);
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  [[nodiscard]] fs::path place() const { return folder_ / "mounted"; }

  // From now on nothing reaches the disk, and what was not flushed is gone.
  void cut() const {
    const int descriptor = ::open(place().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(descriptor >= 0);
    auto how = kWithoutFlushingTheLog;
    const int done = ::ioctl(descriptor, kExt4Shutdown, &how);
    ::close(descriptor);
    REQUIRE(done == 0);
  }
  void power_on() const {
    REQUIRE(::umount(place().c_str()) == 0);
    mount();
  }

 private:
  [[nodiscard]] std::string image() const { return (folder_ / "disk.img").string(); }
  void mount() const { run("mount -o loop " + image() + " " + place().string()); }
  fs::path folder_;
};

// One host after another is added and armed, until the disk is gone.
class Writer {
 public:
  Writer(const fs::path& file, Durability durability, unsigned first)
      : first_(first), acknowledged_(first) {
    auto opened = Store::open(file, durability);
    REQUIRE(opened);
    store_ = std::move(*opened);
    thread_ = std::thread([this] { run(); });
  }
  [[nodiscard]] bool has_begun() const { return acknowledged_ != first_ || ended_; }
  // The number of the host after the last one that was acknowledged.
  [[nodiscard]] unsigned acknowledged() const { return acknowledged_; }
  void join() {
    thread_.join();
    store_.reset();
  }

 private:
  void run() {
    for (unsigned number = first_;; ++number) {
      const auto host = "h" + std::to_string(number);
      const Cause cause{.who = "test", .why = "power cut", .at_ms = 1};
      const Change change{
          AddHost{.host = host, .cause = cause},
          Transition{.host = host, .from = discovered, .to = assigned, .cause = cause},
          AddArming{.id = number + 1,
                    .host = host,
                    .profile = "edge@1",
                    .profile_digest = {},
                    .remaining_seconds = 600,
                    .steady = {},
                    .cause = cause},
          Transition{.host = host, .from = assigned, .to = armed, .cause = cause}};
      if (!store_->apply(change)) break;
      acknowledged_ = number + 1;
    }
    ended_ = true;
  }

  unsigned first_;
  std::atomic<unsigned> acknowledged_;
  std::atomic<bool> ended_ = false;
  std::unique_ptr<Store> store_;
  std::thread thread_;
};

struct Tally {
  unsigned cuts = 0, with_losses = 0, acknowledged = 0;
};

struct Found {
  unsigned lost = 0;  // hosts 0 to `acknowledged` - 1 that are not there, armed
  unsigned next = 0;  // a change that was not acknowledged may be there, too
};

Found compare(const fs::path& file, unsigned acknowledged) {
  const auto store = Store::open(file);
  REQUIRE(store);
  const auto state = (*store)->load({});
  REQUIRE(state);
  CHECK((*store)->verify_audit().has_value());
  std::set<std::string> there;
  for (const auto& host : state->hosts) {
    if (host.state == armed && host.arming) there.insert(host.id);
  }
  Found found{.next = acknowledged};
  for (unsigned number = 0; number < acknowledged; ++number) {
    found.lost += there.contains("h" + std::to_string(number)) ? 0 : 1;
  }
  while (there.contains("h" + std::to_string(found.next))) ++found.next;
  return found;
}

Tally cut_power(Durability durability, unsigned cuts) {
  const Disk disk;
  std::mt19937 random(2026);
  std::uniform_int_distribution<unsigned> microseconds(500, 20'000);
  constexpr unsigned kCutsOfOneFile = 20;  // long enough for checkpoints, short enough to compare
  Tally tally;
  fs::path file;
  unsigned next = 0;
  for (; tally.cuts < cuts; ++tally.cuts) {
    if (tally.cuts % kCutsOfOneFile == 0 || file.empty()) {
      for (const auto& each : fs::directory_iterator(disk.place())) {
        if (each.path().filename().string().starts_with("store")) fs::remove(each.path());
      }
      file = disk.place() / ("store" + std::to_string(tally.cuts) + ".db");
      next = 0;
    }
    const auto before = next;
    Writer writer(file, durability, next);
    while (!writer.has_begun()) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
    // What is said after this moment no client hears: the machine has no power. (A flush that was
    // on its way when ext4 is shut down may well return success.)
    next = writer.acknowledged();
    disk.cut();
    writer.join();
    tally.acknowledged += next - before;
    disk.power_on();
    const auto found = compare(file, next);
    next = found.next;
    if (found.lost == 0) continue;
    ++tally.with_losses;
    file.clear();  // what is lost once would be counted again
  }
  return tally;
}

unsigned scaled(unsigned count) {
  const char* scale = std::getenv("SLIPWAY_TEST_SCALE");
  return std::max(20U, static_cast<unsigned>(count * (scale ? std::atof(scale) : 0.05)));
}

}  // namespace

TEST_CASE("no acknowledged change is lost when the server's power fails",
          "[provisioning][power-cut]") {
  const auto tally = cut_power(Durability::full, scaled(1000));
  WARN(tally.cuts << " cuts, " << tally.acknowledged << " acknowledged changes, "
                  << tally.with_losses << " cuts with losses");
  CHECK(tally.acknowledged > tally.cuts);
  CHECK(tally.with_losses == 0);
}

TEST_CASE("the same test shows what a store without flushes loses", "[provisioning][power-cut]") {
  const auto tally = cut_power(Durability::until_boot, scaled(100));
  WARN("control: " << tally.cuts << " cuts, " << tally.acknowledged << " acknowledged changes, "
                   << tally.with_losses << " cuts with losses");
  CHECK(tally.with_losses > 0);
}

}  // namespace slipway::provisioning
