// service/output_file.hpp -- a file that a command makes for a person: whole under its name, or not
// there.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "base/bytes.hpp"
#include "base/descriptor.hpp"
#include "base/result.hpp"

namespace slipway::service {

class OutputFile {
 public:
  // Makes a hidden file in the folder of `target`, which must exist. Fails when `target` is there
  // and is no regular file: a device would be replaced by a file, not written.
  [[nodiscard]] static Fallible<OutputFile> create(const std::filesystem::path& target,
                                                   mode_t mode);
  OutputFile(OutputFile&&) noexcept = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();  // removes what was not published

  [[nodiscard]] Fallible<void> write(ByteView octets);
  // Returns when the file has its name, in the place of a former one, and all of it is durable.
  [[nodiscard]] Fallible<void> publish() &&;

 private:
  OutputFile(std::filesystem::path target, std::filesystem::path hidden, Descriptor file)
      : target_(std::move(target)), hidden_(std::move(hidden)), file_(std::move(file)) {}

  std::filesystem::path target_, hidden_;
  Descriptor file_;  // none after publish()
};

// All at once.
[[nodiscard]] Fallible<void> write_output(const std::filesystem::path& target, ByteView octets,
                                          mode_t mode);

}  // namespace slipway::service
