// service/site_questions.hpp -- what `slipway site new` asks, and when an answer is good.
//
// No rules of its own: an answer is good when the site with it is read without a mistake.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "provisioning/inventory.hpp"
#include "provisioning/value.hpp"

namespace slipway::service {

struct SiteQuestion {
  std::string_view path;  // in the site's file: "name", "network.gateway"
  std::string_view label;
  std::string_view initial;
  bool is_required = false;
  bool is_hidden = false;
  // Whether the answers so far make the question meaningful.
  bool (*is_asked)(const provisioning::Value& site);
};

// In the order in which they are asked.
[[nodiscard]] const std::vector<SiteQuestion>& site_questions();

// The site with the answer in it; without what stood there when the answer is empty. Tags are
// written `region=north, rack=3`.
[[nodiscard]] provisioning::Value with_answer(const provisioning::Value& site,
                                              const SiteQuestion& question,
                                              const std::string& text);

// Why the answer is not good, in one line; empty when it is.
[[nodiscard]] std::string mistake_of(const provisioning::Inventory& inventory,
                                     const provisioning::Value& site, const SiteQuestion& question,
                                     const std::string& text);

}  // namespace slipway::service
