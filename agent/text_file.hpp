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

// '?' in the place of all but printable ASCII: devices put any octet into their texts, JSON takes
// only UTF-8, and the server must be able to parse what we send.
[[nodiscard]] std::string printable(std::string text);

}  // namespace slipway::agent
