// agent/text_file.hpp -- the small files of /proc and /sys, where "missing" is a normal answer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace slipway::agent {

// The whole file, at most 1 MiB of it; empty when it cannot be read, which for an attribute of
// /sys means that the device has no such property.
[[nodiscard]] std::string read_text(const std::filesystem::path& path);

// The first line without the white space around it.
[[nodiscard]] std::string read_line(const std::filesystem::path& path);

// The first line as a decimal number; 0 when it is none.
[[nodiscard]] std::uint64_t read_number(const std::filesystem::path& path);

// Without the white space and NULs at both ends (SMBIOS and SCSI strings are padded).
[[nodiscard]] std::string trimmed(std::string_view text);

}  // namespace slipway::agent
