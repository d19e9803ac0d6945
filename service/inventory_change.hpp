// service/inventory_change.hpp -- what the commands that write into the inventory have in common:
// say the mistakes, write, tell the running service.
#pragma once

#include <filesystem>
#include <optional>

#include "base/json.hpp"
#include "provisioning/inventory_writer.hpp"
#include "service/command.hpp"

namespace slipway::service {

// Says every mistake on stderr, once each, by file, line and column; of warnings those about `file`
// only, because what was there before is not news. False, and exit code 1, when one is no warning.
[[nodiscard]] bool say_mistakes(Common& common, provisioning::Mistakes mistakes,
                                const std::filesystem::path& file);

// Which files a draft would write: on stdout, or under `would_write` of the document.
void say_draft(const Common& common, const provisioning::InventoryDraft& draft);

// Writes the draft and makes a service that runs with these settings read it. Gives the document
// for --json: {written: [PATH], reloaded: BOOL}; without --json the files were said on stdout. None
// when something failed, which was said.
[[nodiscard]] std::optional<boost::json::object> write_and_reload(
    Common& common, const provisioning::Config& config, const provisioning::InventoryDraft& draft);

}  // namespace slipway::service
