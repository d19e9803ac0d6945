// `slipway schema [NAME]`: JSON Schemas of the files that people write.
#include <CLI/CLI.hpp>
#include <iostream>
#include <vector>

#include "provisioning/json_schema.hpp"
#include "service/command.hpp"

namespace slipway::service {
namespace {

namespace prov = slipway::provisioning;

void list_names(bool as_json) {
  std::string joined;
  for (const auto name : prov::json_schema_names()) {
    if (!as_json) std::cout << name << "\n";
    joined += (joined.empty() ? "\"" : ",\"") + std::string(name) + "\"";
  }
  if (as_json) std::cout << "[" << joined << "]\n";
}

}  // namespace

void add_schema(CLI::App& app, const SharedCommon& common) {
  auto* command = app.add_subcommand("schema", "JSON Schema of a file that people write");
  auto wanted = std::make_shared<std::string>();
  const auto known = prov::json_schema_names();
  command->add_option("name", *wanted, "which one; without it, their names")
      ->check(CLI::IsMember(std::vector<std::string>(known.begin(), known.end())));
  command->callback([common, wanted] {
    if (wanted->empty()) return list_names(common->json);
    std::cout << prov::json_schema(*wanted).value_or("");
  });
}

}  // namespace slipway::service
