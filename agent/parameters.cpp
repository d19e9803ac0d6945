#include "agent/parameters.hpp"

#include "agent/text_file.hpp"

namespace slipway::agent {

std::string command_line_value(std::string_view command_line, std::string_view name) {
  std::string value;
  while (!command_line.empty()) {
    const auto end = command_line.find_first_of(" \t\n");
    const auto word = command_line.substr(0, end);
    if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=') {
      value = word.substr(name.size() + 1);
    }
    command_line.remove_prefix(end == std::string_view::npos ? command_line.size() : end + 1);
  }
  return value;
}

Fallible<Parameters> read_parameters(const std::filesystem::path& root) {
  Parameters parameters;
  const auto command_line = read_line(root / "proc/cmdline");
  parameters.server = command_line_value(command_line, "slipway.server");
  while (parameters.server.ends_with('/')) parameters.server.pop_back();
  if (!parameters.server.starts_with("http://")) {
    return fail(
        "the kernel's command line has no slipway.server=http://...; boot this host through the "
        "script of a Slipway server");
  }
  parameters.token = Secret(read_line(root / "etc/slipway/token"));
  if (!command_line_value(command_line, "slipway.medium").empty()) {
    parameters.only_mac = command_line_value(command_line, "slipway.mac");
  } else if (parameters.token.empty()) {
    return fail(
        "there is no token at /etc/slipway/token; the boot program did not load the second "
        "initrd, so power the host off and on again");
  }
  return parameters;
}

}  // namespace slipway::agent
