// provisioning/render.hpp -- merged user-data into the documents of each dialect.
//
// For the folder's own use: rendering and checking share these, so that what `check` says is what
// happens. Trees, not text: secrets can still be masked.
#pragma once

#include "provisioning/network.hpp"
#include "provisioning/userdata.hpp"

namespace slipway::provisioning {

// cloud-init's user-data (without the first line #cloud-config). stages.initramfs become users,
// groups, write_files, runcmd; the proxies become files of apt, systemd and the shell; stylus,
// install, reboot, stages and network are gone; all other keys stay. What cannot be carried over
// is a warning, what cloud-init would choke on a mistake.
[[nodiscard]] Value cloud_init_document(const Subject& subject, const Value& merged,
                                        Mistakes& mistakes);

// Network-config version 2. The NIC that booted is matched by the host's first MAC and named lan0:
// the networkd and ifupdown renderers of cloud-init 22.4 match by name too, so it must be given
// one. Null when there is neither a MAC nor a NIC by name: cloud-init's own fallback then asks DHCP
// on the first NIC with a link.
[[nodiscard]] Value network_config(const HostEntry& host, const Network& network);

// The files that carry the proxies: entries of write_files.
[[nodiscard]] List proxy_files(const Proxies& proxies);

// Kairos' document (without the first line). With a `report_url` Kairos posts there when it has
// installed.
[[nodiscard]] Value kairos_document(const Subject& subject, const Value& merged, Mistakes& mistakes,
                                    std::string_view report_url = {});

// Appends the call-back to a document that cloud-init reads: to autoinstall's late-commands where
// it has that section, else to runcmd.
void place_cloud_init_report(Value& document, std::string_view report_url);

}  // namespace slipway::provisioning
