// `slipway media`: what is carried to a host by hand. docs/media.md.
#include <boost/json.hpp>
#include <iostream>

#include "http/client.hpp"
#include "images/files.hpp"
#include "images/iso.hpp"
#include "provisioning/bootscript.hpp"
#include "service/artifacts.hpp"
#include "service/command.hpp"
#include "service/efi_image.hpp"
#include "service/host_recipe.hpp"
#include "service/interfaces.hpp"
#include "service/output_file.hpp"
#include "service/stick.hpp"
#include "service/uki.hpp"

namespace slipway::service {
namespace {

namespace json = boost::json;
namespace prov = slipway::provisioning;

struct CidataOptions {
  HostChoice host;
  std::string output;
};

// Stays the same as long as the content does, so that cloud-init takes a changed volume for a new
// instance and the same one, read at every boot, for the one it knows.
std::string instance_of(const prov::HostEntry& host, const prov::Seed& seed) {
  constexpr std::size_t kDigits = 12;
  const auto digest = Sha256::of(seed.user_data + '\0' + seed.network_config + seed.vendor_data);
  return host.name + "-" + digest.text().substr(0, kDigits);
}

Fallible<std::vector<images::IsoFile>> cidata_files(const prov::Recipe& recipe) {
  if (recipe.profile->format == prov::UserDataFormat::autoinstall) {
    return fail(
        "format autoinstall reports its end with the token of a network boot, which no "
        "volume carries; boot this host from the network");
  }
  auto seed = prov::render_seed(recipe.subject(), "");
  if (!seed) return std::unexpected(seed.error());
  const auto named = prov::render_seed(recipe.subject(), instance_of(recipe.entry, *seed));
  if (!named) return std::unexpected(named.error());
  // Kairos wants the file, and the vendor's own volumes have it empty.
  const bool is_kairos = recipe.profile->format == prov::UserDataFormat::kairos;
  std::vector<images::IsoFile> files{{"user-data", named->user_data},
                                     {"meta-data", is_kairos ? std::string() : named->meta_data}};
  if (!named->vendor_data.empty()) files.push_back({"vendor-data", named->vendor_data});
  if (!named->network_config.empty()) files.push_back({"network-config", named->network_config});
  return files;
}

Fallible<void> make_cidata(Common& common, const CidataOptions& options) {
  const auto config = common.config();
  if (!config) return {};  // its mistakes have been said
  const auto recipe = recipe_from_files(*config, options.host);
  if (!recipe) return std::unexpected(recipe.error());
  const auto files = cidata_files(*recipe);
  if (!files) return fail(files.error(), "host " + recipe->entry.name);
  const auto volume = images::make_iso("cidata", *files);
  if (!volume) return std::unexpected(volume.error());
  constexpr mode_t kOwnerOnly = 0600;
  const auto done = write_output(options.output, *volume, kOwnerOnly);
  if (!done) return done;
  if (common.json) {
    json::array names;
    for (const auto& file : *files) names.push_back(json::value(file.name));
    std::cout << json::serialize(json::object{{"file", options.output},
                                              {"host", recipe->entry.name},
                                              {"octets", volume->size()},
                                              {"sha256", Sha256::of(*volume).text()},
                                              {"files", names}})
              << "\n";
  } else {
    std::cout << options.output << ": the cidata volume of host " << recipe->entry.name << "\n";
  }
  std::cerr << "It holds this host's secrets as they are: keep it like them, and destroy it when "
               "the host has read it.\n";
  return {};
}

void add_cidata(CLI::App& media, const SharedCommon& common) {
  auto* command = media.add_subcommand("cidata", "A host's seed as an ISO 9660 volume for NoCloud");
  auto options = std::make_shared<CidataOptions>();
  auto* which = command->add_option_group("host", "which one");
  which->add_option("--mac", options->host.mac, "one of its MACs");
  which->add_option("--host", options->host.name, "its name in the inventory");
  which->require_option(1);
  command->add_option("-o,--output", options->output, "the file")->required();
  command->callback([common, options] {
    const auto done = make_cidata(*common, *options);
    if (!done) common->failed(done.error());
  });
}

struct MediumOptions {
  std::string mac, server, output;
  std::string key, certificate;  // of a medium that is signed here
};

Fallible<Bytes> installer_file(const prov::Config& config, const char* name, const Sha256& digest) {
  const auto folder = config.installer.empty() ? config.data_dir / "installer" : config.installer;
  constexpr std::size_t kMaxOctets = std::size_t{1} << 30;
  const auto text = images::read_file(folder / name, kMaxOctets);
  if (!text) return std::unexpected(text.error());
  if (Sha256::of(*text) != digest) {
    return fail((folder / name).native() + " is not the one that installer.json names; make it " +
                "again with: slipway installer build -o " + folder.native());
  }
  const auto octets = as_bytes(*text);
  return Bytes(octets.begin(), octets.end());
}

// What `slipway serve` by these settings would tell a host.
Fallible<std::string> server_url(const prov::Config& config) {
  const auto interface = find_interface(config.interfaces.front());
  if (!interface) return std::unexpected(interface.error());
  if (interface->address.is_zero()) {
    return fail(interface->name + " has no address; name the server by --server http://IP:PORT");
  }
  return prov::ServerAddress{interface->address, config.boot_http_port}.url();
}

Fallible<Medium> read_medium(const prov::Config& config, const MediumOptions& options) {
  Medium medium;
  if (!options.mac.empty()) {
    medium.only_mac = Mac::parse(options.mac);
    if (!medium.only_mac) {
      return fail("--mac: \"" + options.mac + "\" is not a MAC such as 52:54:00:aa:00:01");
    }
  }
  auto server = options.server.empty() ? server_url(config) : Fallible<std::string>(options.server);
  if (!server) return std::unexpected(server.error());
  const auto place = http::ServerPlace::parse(*server);
  if (!place) return fail(place.error(), "--server");
  medium.server = *server;
  const auto artifacts = StoreArtifacts::open(config);
  if (!artifacts) return std::unexpected(artifacts.error());
  const auto files = (*artifacts)->installer();
  if (!files) return std::unexpected(files.error());
  auto kernel = installer_file(config, "vmlinuz", files->vmlinuz);
  if (!kernel) return std::unexpected(kernel.error());
  medium.kernel = std::move(*kernel);
  auto initramfs = installer_file(config, "initramfs.img", files->initramfs);
  if (!initramfs) return std::unexpected(initramfs.error());
  medium.initramfs = std::move(*initramfs);
  return medium;
}

// One kind of medium: what it is called, and how it is made.
struct MediumKind {
  const char* name;  // "a stick"
  Fallible<Bytes> (*make)(Medium medium, const MediumOptions& options);
};

Fallible<void> make_medium(Common& common, const MediumOptions& options, const MediumKind& kind) {
  const auto config = common.config();
  if (!config) return {};  // its mistakes have been said
  auto medium = read_medium(*config, options);
  if (!medium) return std::unexpected(medium.error());
  const auto server = medium->server;
  const auto host = medium->only_mac ? medium->only_mac->text() : std::string();
  const auto image = kind.make(std::move(*medium), options);
  if (!image) return std::unexpected(image.error());
  constexpr mode_t kForAll = 0644;  // there is no secret in it
  const auto done = write_output(options.output, *image, kForAll);
  if (!done) return done;
  if (common.json) {
    std::cout << json::serialize(json::object{{"file", options.output},
                                              {"server", server},
                                              {"mac", host},
                                              {"octets", image->size()},
                                              {"sha256", Sha256::of(*image).text()}})
              << "\n";
  } else {
    std::cout << options.output << ": " << kind.name << " for "
              << (host.empty() ? "any host" : "the host " + host) << " and the server " << server
              << "\n";
  }
  return {};
}

std::shared_ptr<MediumOptions> add_medium(CLI::App* command, const SharedCommon& common,
                                          MediumKind kind) {
  auto options = std::make_shared<MediumOptions>();
  command->add_option("--mac", options->mac, "for the host with this network card only");
  command->add_option("--server", options->server,
                      "its URL, http://IP:PORT; else the address of the first of `interfaces`");
  command->add_option("-o,--output", options->output, "the image file")->required();
  command->callback([common, options, kind] {
    const auto done = make_medium(*common, *options, kind);
    if (!done) common->failed(done.error());
  });
  return options;
}

void add_usb(CLI::App& media, const SharedCommon& common) {
  auto* command = media.add_subcommand(
      "usb", "A stick that boots our installer, for a host without network boot");
  (void)add_medium(command, common, {"a stick", [](Medium medium, const MediumOptions&) {
                                       return make_stick({.medium = std::move(medium)});
                                     }});
}

void add_efi(CLI::App& media, const SharedCommon& common) {
  auto* command = media.add_subcommand(
      "efi", "An image for UEFI HTTP Boot that is signed for Secure Boot; into boot_folder");
  (void)add_medium(command, common,
                   {"an image for UEFI HTTP Boot", [](Medium medium, const MediumOptions&) {
                      return make_efi_image({.medium = std::move(medium)});
                    }});
}

void add_uki(CLI::App& media, const SharedCommon& common) {
  auto* command = media.add_subcommand(
      "uki", "A unified kernel image for UEFI, signed by a key of yours; into boot_folder");
  const auto options = add_medium(
      command, common,
      {"a unified kernel image", [](Medium medium, const MediumOptions& said) {
         return make_uki(
             {.medium = std::move(medium), .key = said.key, .certificate = said.certificate});
       }});
  auto* key = command->add_option("--key", options->key, "its private key signs, a PEM file");
  auto* certificate = command->add_option("--cert", options->certificate,
                                          "of that key, a PEM file; hosts have it in their db");
  key->needs(certificate);
  certificate->needs(key);
}

}  // namespace

void add_media(CLI::App& app, const SharedCommon& common) {
  auto* media = app.add_subcommand("media", "What is carried to a host by hand");
  media->require_subcommand(1);
  add_cidata(*media, common);
  add_usb(*media, common);
  add_efi(*media, common);
  add_uki(*media, common);
}

}  // namespace slipway::service
