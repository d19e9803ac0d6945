// slipway.yaml from any octets: never throws, says a place inside the text, and good settings print
// to a text that reads back as the same settings.
#include "provisioning/config.hpp"

#include <cstdlib>

#include "provisioning/yaml.hpp"

using slipway::provisioning::emit_yaml;
using slipway::provisioning::parse_config;
using slipway::provisioning::parse_yaml;
using slipway::provisioning::parse_yaml_documents;
using slipway::provisioning::print_config;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto tree = parse_yaml(text, "f");
  if (tree.mistakes.empty()) {
    const auto again = parse_yaml(emit_yaml(tree.value), "g");
    if (!again.mistakes.empty() || !again.value.same_as(tree.value)) std::abort();
  }
  // Several documents never are less than one: what parse_yaml takes is the first of them.
  const auto documents = parse_yaml_documents(text, "f").documents;
  if (tree.mistakes.empty() && !tree.value.is_null() &&
      (documents.size() != 1 || !documents[0].same_as(tree.value))) {
    std::abort();
  }
  const auto loaded = parse_config(text, "/etc/slipway/slipway.yaml");
  if (!loaded.good()) return 0;
  const auto printed = print_config(loaded.config);
  const auto second = parse_config(printed, "/etc/slipway/slipway.yaml");
  if (!second.good() || print_config(second.config) != printed) std::abort();
  return 0;
}
