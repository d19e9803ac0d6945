// provisioning/yaml.hpp -- YAML text to Value trees and back. YAML 1.2, core schema.
//
// The only home of yaml-cpp; none of its exceptions gets out. What a plain scalar means: true and
// false, null and ~, decimal, 0x and 0o integers, floats; `yes`, `no`, `on`, `off` are text. Where
// the readers of our output (PyYAML under cloud-init, Go under Kairos) agree with each other and
// not with the core schema, we follow them: 0644 is an octal number. An integer beyond 64 bits is
// text.
//
// Lines and columns count from 1, columns in octets.
// Hostile input is bounded: 8 MiB of text, 64 levels, 500000 values after aliases are expanded.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "provisioning/value.hpp"

namespace slipway::provisioning {

inline constexpr std::size_t kMaxYamlOctets = std::size_t{8} << 20U;
inline constexpr std::size_t kMaxYamlDepth = 64;
inline constexpr std::size_t kMaxYamlValues = 500'000;

struct ParsedYaml {
  Value value;                    // null when the document is empty or unreadable
  std::vector<Mistake> mistakes;  // syntax, duplicate keys, unreadable secrets; no warnings
};

struct ParsedDocuments {
  std::vector<Value> documents;   // in their order; those before the place where it is broken
  std::vector<Mistake> mistakes;  // as in ParsedYaml
  bool is_broken = false;         // the text is no YAML from some place on
};

// Reads one document. `file` is the name that marks carry. `!secret FILE` is read relative to
// `secrets`, one trailing line end is stripped; the file must be regular, at most 64 KiB of UTF-8
// and of mode 0600 or 0640. An empty `secrets` makes the tag a mistake. Also understood: !!str,
// !!binary and the core schema's own tags; any other tag is a mistake.
[[nodiscard]] ParsedYaml parse_yaml(std::string_view text, std::string_view file,
                                    const std::filesystem::path& secrets = {});

// The same for a text of several documents, between which stands a line `---`. Documents without
// content are left out. The limits hold for all of them together.
[[nodiscard]] ParsedDocuments parse_yaml_documents(std::string_view text, std::string_view file,
                                                   const std::filesystem::path& secrets = {});

// The same as parse_yaml() for a file on disk; a file that cannot be read is a mistake at line 0.
[[nodiscard]] ParsedYaml read_yaml(const std::filesystem::path& file,
                                   const std::filesystem::path& secrets = {});

// The value that plain (unquoted) `text` stands for.
[[nodiscard]] Value plain_scalar(std::string_view text);

// Block style, two spaces a level, entries in their order, with a final line end. parse_yaml gives
// the same tree again, secrets having become text; PyYAML (YAML 1.1) reads it equally. Text that a
// reader could take for another type, or with odd characters, is quoted; text of several printable
// lines is a literal block; octets that are not UTF-8 become !!binary.
// Secrets are written in the clear: mask_secrets() comes first where a person looks.
[[nodiscard]] std::string emit_yaml(const Value& value);

// Names the file of a secret, relative to the folder of secrets. `key` is that of the map entry in
// or below which the secret stands, empty when there is none.
using SecretFile = std::function<std::string(const Secret& secret, std::string_view key)>;

// The same with `!secret FILE` for each secret; `secret_file` is asked once for each, in order.
[[nodiscard]] std::string emit_yaml(const Value& value, const SecretFile& secret_file);

// The same in one line, as a flow node: every text in double quotes, lists in [], maps in {}.
[[nodiscard]] std::string emit_flow_yaml(const Value& value);

// Whether `text` is well-formed UTF-8 (no surrogates, no over-long forms, at most U+10FFFF).
[[nodiscard]] bool is_utf8(std::string_view text);

// The whole of a regular file that a person wrote. Fails, naming the file, when it cannot be read
// or holds more than `max_octets`.
[[nodiscard]] Fallible<std::string> read_text_file(const std::filesystem::path& file,
                                                   std::size_t max_octets);

}  // namespace slipway::provisioning
