// provisioning/staged_file.hpp -- a file that is written beside its place and takes the place
// later.
//
// Several of them make a change of several files that is undone when one fails: what was published
// and not kept is withdrawn by the destructor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.hpp"

namespace slipway::provisioning {

class StagedFile {
 public:
  // Writes `text` to a hidden file in the folder of `target`, which must exist, and syncs it.
  // Root's files get the owner and group of that folder, so that the service's user can read them.
  [[nodiscard]] static Fallible<StagedFile> write(const std::filesystem::path& target,
                                                  std::string_view text, mode_t mode);
  StagedFile(StagedFile&& other) noexcept;
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;
  StagedFile& operator=(StagedFile&&) = delete;
  ~StagedFile();

  // Where the text can be read: the hidden file before publish(), the target afterwards.
  [[nodiscard]] const std::filesystem::path& path() const;
  [[nodiscard]] const std::filesystem::path& target() const { return target_; }

  // Takes the target's place, which must be free. At no moment is half a file there. The caller
  // syncs the folder.
  [[nodiscard]] Fallible<void> publish();
  // The same in the place of a file that is there, which is kept until keep().
  [[nodiscard]] Fallible<void> publish_over();
  // The change stays; what was there before is removed.
  void keep();

 private:
  enum class State : std::uint8_t { staged, published, done };
  StagedFile(std::filesystem::path target, std::filesystem::path hidden);

  std::filesystem::path target_, hidden_, former_;  // former_: the file that was replaced, or empty
  State state_ = State::staged;
};

// Makes what happened in the folder last over a power cut.
[[nodiscard]] Fallible<void> sync_folder(const std::filesystem::path& folder);

}  // namespace slipway::provisioning
