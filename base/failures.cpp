#include "base/failures.hpp"

#include <algorithm>
#include <array>

namespace slipway {
namespace {

// tools/check_failures.py reads this table.
constexpr auto kKinds = std::to_array<FailureKind>({
    {"another-proxy-first",
     "Another boot server of the network answered the host, and it went there.",
     "Switch that boot server off, or keep it from this network; the detail gives its address and "
     "MAC."},
    {"bad-partition-table",
     "The image's partition table is damaged, or none that can be moved to this disk.",
     "Import the image again from its source."},
    {"burn-in-cpu-failed", "A CPU of the host counted wrong while it was tried.",
     "Check cooling and power, or use another host; the detail says what was found."},
    {"burn-in-disk-failed", "The disk could not be read while it was tried.",
     "Check its cables, or replace it."},
    {"burn-in-memory-failed",
     "The memory did not keep what was written to it, or could not be tried.",
     "Replace the memory modules; the detail says what was found."},
    {"cancelled", "The write was stopped by the server; the disk cannot boot.",
     "Arm the host again."},
    {"chunk-digest-mismatch",
     "A part of the image is not what its manifest says; it was not written.",
     "Run slipway image verify on the server; what is damaged there is imported again, under a new "
     "version."},
    {"config-not-fetched",
     "The host has its plan, or the files of its installer, and did not fetch its config in time.",
     "Look at the host's console, then switch it on again."},
    {"content-digest-mismatch", "A file of content is not the one that the plan names.",
     "Look for what changes the traffic, or import the content again on the server."},
    {"content-no-place", "The image has no file system for the profile's content.",
     "Choose another path or name a partition in the profile's content, or assign another image."},
    {"content-no-room", "The image's file system has no room for the profile's content.",
     "Choose a larger disk with grow, or build the image with more room."},
    {"content-write-failed", "A file of content could not be written.",
     "Look into that file system of the image, and at the disk's health."},
    {"cpus-too-few", "The host has fewer CPUs than the profile asks for.",
     "Assign another profile, or use another host."},
    {"dhcp-server-is-pxe",
     "The network's DHCP server sets option 60 (PXEClient), so UEFI firmware asks it on port 4011 "
     "and gives up.",
     "Remove option 60 from that DHCP server; the detail gives its address."},
    {"disarmed",
     "A person took the permission back while the host was at work; its disk cannot boot.",
     "Arm the host again when it may be written."},
    {"disk-frozen", "The firmware has frozen the disk, so that it cannot be erased securely.",
     "Suspend and wake the host, or plug the disk in again while the host is on."},
    {"disk-read-error", "The disk cannot be read.", "Check its cables, or replace it."},
    {"disk-too-small", "The disk is smaller than the profile asks for.",
     "Fit a larger disk, or assign another profile."},
    {"disk-unhealthy", "The disk says of itself that it fails or is about to.",
     "Replace the disk."},
    {"disk-write-error", "The disk cannot be written.", "Check its cables, or replace it."},
    {"erase-failed", "Erasing the disk broke off; what is on it is uncertain.",
     "Try again, or replace the disk."},
    {"erase-not-verified", "The disk says that it is erased, and still holds old data.",
     "Choose another kind of erase in the profile, or replace the disk."},
    {"erase-unsupported", "The disk cannot be erased as the profile asks for; nothing was written.",
     "Choose another kind of erase in the profile, or another disk."},
    {"firmware-wrong",
     "The host booted through BIOS and the profile asks for UEFI, or the other way round.",
     "Change the boot mode in the host's firmware, or assign another profile."},
    {"grow-failed",
     "The last partition or its file system could not be grown to the end of the disk.",
     "Read the detail; check the image's last file system, or leave grow out of the profile."},
    {"image-too-large", "The image does not fit on the disk.",
     "Choose a larger disk or a smaller image."},
    {"installer-failed", "The installer of others said that it failed.",
     "Read the detail and look at the host's console."},
    {"internal", "The agent met a mistake of its own.",
     "Try again, and report it with slipway host diagnostics."},
    {"loader-refused",
     "The firmware took its boot program and did not start it, as Secure Boot does with a program "
     "that it does not trust.",
     "Switch Secure Boot off in the host's firmware, or give the host a boot program that is "
     "signed for it."},
    {"loader-silent",
     "The host took its boot program, and nothing that it runs has asked for more.",
     "Look at its console, and give it another boot program or update its firmware."},
    {"manifest-digest-mismatch", "The image's manifest is not the one that the plan names.",
     "Run slipway image verify on the server; what is damaged there is imported again, under a new "
     "version."},
    {"manifest-signature-bad",
     "The image's manifest is not signed with the depot's key that the installer was built with.",
     "Import the image again on the server, which signs it; when the depot's key is a new one, "
     "build "
     "the installer again."},
    {"memory-too-small", "The host has less memory than the profile asks for.",
     "Fit more memory, or assign another profile."},
    {"network-error", "The server refused to give something that the plan names.",
     "Look at the host's timeline and at the server's log."},
    {"nic-too-slow", "No network card of the host is as fast as the profile asks for.",
     "Check cable and switch port, or assign another profile."},
    {"no-agent", "The host fetched the installer, but no agent came to work in time.",
     "Look at its console: a driver of its network card may be missing, or no DHCP server gives a "
     "lease."},
    {"no-dhcp-server",
     "No DHCP server of the network was seen to give the host an address; the boot server itself "
     "gives none.",
     "Look whether the network's DHCP server runs, has addresses left, and reaches this port of "
     "the switch."},
    {"no-disk-matches", "No disk of the host fits the profile's disk rule.",
     "Change the disk rule or the host's disks; the timeline says why each disk was left."},
    {"no-kernel",
     "The host took its boot script, but did not fetch the installer's kernel in time.",
     "Look at its console, and whether the boot HTTP port reaches it."},
    {"no-plan-asked", "The agent registered, but did not ask for its plan in time.",
     "Look at the host's console and its cable, then switch it on again."},
    {"no-report", "The installer of others has its config and did not report its end in time.",
     "Look at the host's console, and whether its config posts to report_url."},
    {"oem-write-failed", "The document for the image's COS_OEM partition could not be written.",
     "Check that the image is a Kairos image with a partition COS_OEM."},
    {"offer-ignored", "The firmware has an address and does not take the boot server's offer.",
     "Let offer: auto try both forms, choose another boot program, or update its firmware."},
    {"plan-impossible", "The server cannot make a plan for the host.",
     "Read the detail, mend profile, site or image, and arm the host again."},
    {"restarted", "The host booted again in the middle of an attempt.",
     "Look whether somebody switched it off; its last attempt is used up."},
    {"script-not-fetched", "An iPXE runs on the host and does not fetch its script.",
     "Look whether the boot HTTP port reaches the host's network, and at the host's console."},
    {"second-taker", "Another machine showed this host's token, and the attempt was revoked.",
     "Look for that machine: the alarm in the log names its address. Then arm the host again."},
    {"sector-size-mismatch", "The image is made for disks with another sector size.",
     "Import an image for this sector size, or choose another disk."},
    {"secure-boot-wrong", "Secure Boot is on and must be off, or the other way round.",
     "Change it in the host's firmware, or assign another profile."},
    {"seed-digest-mismatch", "The host's settings changed while they were fetched.",
     "Arm the host again."},
    {"several-disks-match", "More than one disk of the host fits the profile's disk rule.",
     "Make the disk rule narrower, by type, size or serial number."},
    {"shell-not-closed", "A rescue shell on the host could not be ended, so nothing was written.",
     "Switch the host off and on again."},
    {"silent", "Nothing was heard of the agent while it worked.",
     "Look at the host's console, its power and its cable, then switch it on again."},
    {"tftp-blocked",
     "The host was told of its boot program, and TFTP does not come through between it and the "
     "server.",
     "Look for a firewall between the host and UDP port 69, and the ports above 1024 from which "
     "the server answers."},
    {"tftp-slow", "The host takes its boot program too slowly, or stopped in the middle.",
     "Check cable, switch port and its speed."},
    {"tool-missing", "The installer lacks a program that the plan needs.",
     "Build the installer with it: the detail says how."},
    {"tpm-missing", "The host has no TPM, or its firmware hides it, and the profile asks for one.",
     "Switch the TPM on in the host's firmware, or assign another profile."},
    {"verify-mismatch", "What was read back from the disk is not what was written.",
     "Replace the disk."},
    {"wrong-architecture",
     "The host's firmware is of an architecture for which there is no boot program.",
     "Use a host with a 64-bit x86 processor, or change the boot mode in its firmware."},
});

}  // namespace

std::span<const FailureKind> failure_kinds() { return kKinds; }

const FailureKind* find_failure_kind(std::string_view reason) {
  const auto found = std::ranges::lower_bound(kKinds, reason, {}, &FailureKind::reason);
  return found != kKinds.end() && found->reason == reason ? &*found : nullptr;
}

}  // namespace slipway
