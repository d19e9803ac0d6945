// base/descriptor.hpp -- a file descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <utility>

namespace slipway {

// Holds a descriptor of the kernel, or none (a negative number, as failed calls give it). The
// result of close() is dropped: who writes has made it durable before, by fsync().
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = other.release();
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  void close() {
    if (number_ >= 0) (void)::close(number_);
    number_ = -1;
  }
  // The caller closes it from now on.
  [[nodiscard]] int release() { return std::exchange(number_, -1); }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_ = -1;
};

}  // namespace slipway
