#include "agent/write.hpp"

#include "agent/bootentry.hpp"
#include "base/tool.hpp"
#include "images/depot_key.hpp"

namespace slipway::agent {
namespace {

Failure refused(const std::string& what, const Refusal& refusal) {
  return {"network-error", "The server did not give the " + what + ": " + refusal.detail +
                               "; look at the host's timeline and the server's log."};
}

// An installer that was built with the depot's public key takes no manifest that the depot did not
// sign: not even from a server that somebody put in the depot's place.
std::expected<void, Failure> check_signature(const std::filesystem::path& root,
                                             const ImageSource& image, std::string_view manifest) {
  const auto refuse = [&](const std::string& why) {
    return std::unexpected(
        Failure{"manifest-signature-bad", "The manifest of " + image.name + ": " + why});
  };
  const auto key = images::read_depot_public_key(root / "etc/slipway");
  if (!key) return refuse(key.error().text());
  if (!*key) return {};  // built without
  if (image.signature.empty()) {
    return refuse("it is not signed, and this installer takes only what key " + (*key)->id_text() +
                  " signed");
  }
  const auto signature = images::Signature::parse(image.signature);
  if (!signature) return refuse(signature.error().text());
  const auto good = images::verify_signature(as_bytes(manifest), *signature, **key);
  if (!good) return refuse(good.error().text());
  return {};
}

}  // namespace

DiskWrite::DiskWrite(const std::filesystem::path& root, Console& console, Session& session,
                     Network& network, ProgressReport& report)
    : root_(root), console_(console), session_(session), network_(network), report_(report) {}

void DiskWrite::show(std::string_view step, std::uint64_t done_octets, std::uint64_t total_octets) {
  const auto now = std::chrono::steady_clock::now();
  const Progress progress{std::string(step), done_octets, total_octets,
                          meter_.update(step, done_octets, now)};
  report_.update(progress);
  console_.progress(progress, now);
}

std::expected<images::VerifiedManifest, Failure> DiskWrite::fetch_manifest(const Plan& plan) {
  const auto text = session_.artifact(plan.image.manifest);
  if (!text) return std::unexpected(refused("image's manifest", text.error()));
  const auto is_signed = check_signature(root_, plan.image, *text);
  if (!is_signed) return std::unexpected(is_signed.error());
  auto manifest = images::VerifiedManifest::verify(*text, plan.image.manifest_sha256);
  if (manifest) return std::move(*manifest);
  return std::unexpected(
      Failure{"manifest-digest-mismatch",
              "The manifest of " + plan.image.name + " is not the one that the plan names (" +
                  manifest.error().text() + "); run slipway image verify on the server."});
}

std::expected<std::string, Failure> DiskWrite::fetch_config(const SeedSource& source) {
  auto text = session_.seed(source);
  if (!text) return std::unexpected(refused("host's seed", text.error()));
  if (text->size() != source.octets || Sha256::of(*text) != source.sha256) {
    return std::unexpected(Failure{"seed-digest-mismatch",
                                   "The host's seed changed while it was fetched; arm it again."});
  }
  return std::move(*text);
}

// Kairos reads its document from a file system of its own; an image without it gets the seed.
std::expected<void, Failure> DiskWrite::fetch_seed(const Plan& plan, Prepared& prepared) {
  const bool takes_document = plan.oem && prepared.finishing.takes_document();
  if (!takes_document && !plan.seed) return {};
  const auto& source = takes_document ? plan.oem->source : *plan.seed;
  auto text = fetch_config(source);
  if (!text) return std::unexpected(text.error());
  if (takes_document) {
    prepared.finishing.give_document({plan.oem->name, std::move(*text), source.sha256});
  } else {
    const auto octets = as_bytes(*text);
    prepared.seed = {Bytes(octets.begin(), octets.end()), source.sha256};
  }
  return {};
}

std::expected<DiskWrite::Prepared, Failure> DiskWrite::prepare(const Plan& plan, const Disk& disk) {
  auto manifest = fetch_manifest(plan);
  if (!manifest) return std::unexpected(manifest.error());
  const auto path = root_ / std::filesystem::path(disk.path).relative_path();
  auto device = images::open_disk(path);
  if (!device) {
    return std::unexpected(
        Failure{"disk-write-error", device.error().text() + "; free the disk or choose another."});
  }
  const auto sector_octets = (*device)->sector_octets();
  const auto disk_octets = (*device)->size_octets();
  Prepared prepared{
      .manifest = std::move(*manifest),
      .device = std::move(*device),
      .fetcher = network_.fetcher(plan.image.data),
      .finishing = Finishing(
          {.grow = plan.grow,
           .oem = plan.oem.has_value(),
           .content = plan.content,
           .disk = path,
           .disk_octets = disk_octets,
           .sector_octets = sector_octets,
           .cancel = &report_.revoked(),
           .has_tool = [](const std::string& tool) { return find_tool(tool).has_value(); },
           .fetcher = [this](const std::string& url) { return network_.fetcher(url); },
           .progress = [this](std::uint64_t done,
                              std::uint64_t total) { show("finishing", done, total); }})};
  images::Peek peek(*prepared.fetcher, prepared.manifest);
  auto done = prepared.finishing.look(peek);
  if (done) done = fetch_seed(plan, prepared);
  if (!done) return std::unexpected(done.error());
  return prepared;
}

images::WriteJob DiskWrite::job_of(const Plan& plan, Prepared& prepared) {
  images::WriteJob job{.fetcher = *prepared.fetcher,
                       .manifest = prepared.manifest,
                       .disk = *prepared.device,
                       .seed = std::move(prepared.seed),
                       .seed_partition = images::Guid::random(),
                       .new_guids = plan.new_guids,
                       .grow_last = plan.grow,
                       .progress =
                           [this](const images::WriteProgress& progress) {
                             show(progress.step, progress.done_octets, progress.total_octets);
                           },
                       .cancel = &report_.revoked()};
  if (prepared.finishing.has_work()) {
    job.finishing = [&](const auto& partitions) { return prepared.finishing.run(partitions); };
  }
  return job;
}

std::expected<void, Failure> DiskWrite::check(const Plan& plan, const Disk& disk) {
  auto prepared = prepare(plan, disk);
  if (!prepared) return std::unexpected(prepared.error());
  const auto good = images::check_image(job_of(plan, *prepared));
  if (!good) return std::unexpected(Failure{good.error().reason, good.error().detail});
  return {};
}

std::expected<images::WriteReport, Failure> DiskWrite::write(const Plan& plan, Prepared& prepared) {
  auto report = images::write_image(job_of(plan, prepared));
  if (!report) return std::unexpected(Failure{report.error().reason, report.error().detail});
  return std::move(*report);
}

std::string DiskWrite::write_entry(const std::vector<images::Partition>& partitions,
                                   std::uint32_t sector_octets) {
  if (!std::filesystem::exists(root_ / "sys/firmware/efi")) return {};
  const auto esp = find_esp(partitions);
  if (!esp) return "The image has no EFI system partition, so no boot entry was written.";
  const auto done = write_boot_entry(root_ / "sys/firmware/efi/efivars", *esp, sector_octets);
  if (done) return {};
  return "No boot entry was written (" + done.error().text() +
         "); put the disk first in the firmware's boot order if the host does not start it.";
}

std::expected<Written, Failure> DiskWrite::run(const Plan& plan, const Disk& disk) {
  auto prepared = prepare(plan, disk);
  if (!prepared) return std::unexpected(prepared.error());
  const auto report = write(plan, *prepared);
  if (!report) return std::unexpected(report.error());

  Written written{report->raw_sha256.text(), report->seconds, prepared->finishing.warning()};
  const auto start = std::chrono::steady_clock::now();
  show("bootentry", 0, 0);
  const auto warning = write_entry(report->partitions, prepared->device->sector_octets());
  if (!written.warning.empty() && !warning.empty()) written.warning += " ";
  written.warning += warning;
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  written.seconds["bootentry"] = spent.count();
  show("done", 0, 0);
  return written;
}

}  // namespace slipway::agent
