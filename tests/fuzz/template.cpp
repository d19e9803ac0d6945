// A template from any octets, over fixed facts with awkward values, in every text format: reading
// and rendering never throw, what is rendered in YAML and JSON reads back, and the limits hold.
#include "provisioning/template.hpp"

#include <cstdlib>

#include "provisioning/yaml.hpp"

namespace sp = slipway::provisioning;

namespace {

constexpr std::string_view kFacts = R"--(
host: {name: h1, macs: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"], uuid: ~, serial: "S'1\"$(x)"
}
site : {
name:
  s1, tags : {region : "no", odd key : "a: b\n- c"}
}
finish: poweroff
user_data: {a: [1, "0644", {b: "\\", c: " x "}], text: "it's\nso", octets: !!binary "/wA="}
)--";

void run(const sp::Template& parsed, const sp::Value& facts, sp::UserDataFormat format) {
  const auto text = sp::render_template(parsed, facts, format);
  if (!text) return;
  if (format == sp::UserDataFormat::yaml && !sp::parse_yaml(*text, "rendered").mistakes.empty()) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto kParsedFacts = sp::parse_yaml(kFacts, "facts").value;
  if (size > (1U << 16U)) return 0;
  sp::Mistakes mistakes;
  const auto parsed =
      sp::parse_template(std::string(reinterpret_cast<const char*>(data), size), "t", mistakes);
  if (!mistakes.empty()) return 0;
  using enum sp::UserDataFormat;
  for (const auto format : {preseed, kickstart, autoinstall, ignition, yaml, generic}) {
    run(parsed, kParsedFacts, format);
  }
  return 0;
}
