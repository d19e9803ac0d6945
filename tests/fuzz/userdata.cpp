// A host's file from any octets, over a fixed profile: reading, merging and rendering never throw;
// what is rendered is YAML and begins with #cloud-config; no secret passes the mask.
#include "provisioning/userdata.hpp"

#include <cstdlib>

#include "provisioning/entries.hpp"
#include "provisioning/yaml.hpp"

namespace sp = slipway::provisioning;

namespace {

constexpr std::string_view kProfile = R"(
installer: {kind: flash, image: i@1}
layers:
  - name: os
    stages: {initramfs: [{users: {palette: {groups: [sudo], passwd: Hunter2Hunter2}}}]}
)";

void check_document(const std::string& text) {
  if (text.empty()) return;
  if (!sp::parse_yaml(text, "rendered").mistakes.empty()) std::abort();
}

void check_seed(const sp::Subject& subject) {
  const auto seed = sp::render_seed(subject, "i-1");
  if (!seed) return;
  if (!seed->user_data.starts_with("#cloud-config\n")) std::abort();
  check_document(seed->user_data);
  check_document(seed->meta_data);
  check_document(seed->network_config);
  const auto masked = sp::render_seed(subject, "i-1", sp::Secrets::masked);
  if (!masked || masked->user_data.find("Hunter2Hunter2") != std::string::npos) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("Hunter2") != std::string_view::npos)
    return 0;  // it may stand where no secret does
  sp::Mistakes mistakes;
  auto profile = sp::read_profile(sp::parse_yaml(kProfile, "p").value, "p", mistakes).profile;
  const auto host = sp::read_host(sp::parse_yaml(text, "h").value, "h1", mistakes).host;
  (void)sp::read_hosts_csv(text, "hosts.csv",
                           mistakes);  // reads whatever there is, or says why not
  const sp::Inventory inventory;
  const sp::Subject subject{inventory, host, profile, nullptr};
  (void)sp::check_subject(subject);  // must not throw
  check_seed(subject);
  profile.format = sp::UserDataFormat::kairos;
  check_seed(subject);
  return 0;
}
