#include "service/flash_source.hpp"

#include <thread>

#include "http/client.hpp"
#include "images/image_file.hpp"
#include "images/store.hpp"

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScheme = "http://";
constexpr std::string_view kArtifacts = "/artifacts/";

// A data blob behind HTTP. A person waits here, so it gives up after a minute without an octet.
class BlobDownload final : public images::Fetcher {
 public:
  BlobDownload(const http::ServerPlace& server, std::string path)
      : client_(server), path_(std::move(path)) {}

  Fallible<void> fetch(std::uint64_t offset, std::uint64_t length, const Sink& sink) override {
    static constexpr unsigned kTries = 12;
    static constexpr std::chrono::seconds kPause{5};
    return client_.get_resumed(path_, offset, length,
                               {.sink = sink, .pause = [](unsigned idle_tries) {
                                  std::this_thread::sleep_for(kPause);
                                  return idle_tries < kTries;
                                }});
  }

 private:
  http::Client client_;
  std::string path_;
};

Fallible<FlashImage> open_url(const FlashImageRequest& request) {
  const auto path_at = request.image.find('/', kScheme.size());
  const auto server = http::ServerPlace::parse(request.image.substr(0, path_at));
  if (!server) return fail(server.error(), request.image);
  const auto path = path_at == std::string::npos ? std::string() : request.image.substr(path_at);
  const auto name_at = path.rfind('/');
  const auto digest_at = path.find(kArtifacts);
  std::optional<Sha256> digest;
  if (digest_at != std::string::npos && path.ends_with("/manifest.json")) {
    const auto start = digest_at + kArtifacts.size();
    digest = Sha256::parse(std::string_view(path).substr(start, name_at - start));
  }
  if (!digest) {
    return fail(request.image +
                ": expected http://ADDRESS[:PORT]/artifacts/SHA256/manifest.json; "
                "download other images first, and name the file");
  }
  http::Client client(*server, {.max_body_octets = images::kMaxManifestOctets});
  const auto answer = client.request(http::Method::get, path);
  if (!answer) return fail(answer.error(), request.image);
  if (answer->status != 200) {
    return fail(request.image + ": the server answers " + std::to_string(answer->status));
  }
  auto manifest = images::VerifiedManifest::verify(answer->body, *digest);
  if (!manifest) return fail(manifest.error(), request.image);
  const auto data = request.data_sha256 ? path.substr(0, digest_at) + std::string(kArtifacts) +
                                              request.data_sha256->text() + "/image.zst"
                                        : path.substr(0, name_at) + "/image.zst";
  auto name = (*manifest)->name + "@" + (*manifest)->version;
  return FlashImage{std::move(name), std::move(*manifest),
                    std::make_unique<BlobDownload>(*server, data)};
}

Fallible<FlashImage> open_file(const FlashImageRequest& request, ProgressBar& bar) {
  auto manifest = images::digest_image({.source = request.image,
                                        .expected_sha256 = request.expected_sha256,
                                        .progress = [&bar](auto done, auto total) {
                                          bar.show("digest", done, total);
                                          return true;
                                        }});
  bar.finish();
  if (!manifest) return std::unexpected(manifest.error());
  auto fetcher = images::fetch_image(request.image);
  if (!fetcher) return std::unexpected(fetcher.error());
  return FlashImage{request.image, std::move(*manifest), std::move(*fetcher)};
}

Fallible<FlashImage> open_stored(const FlashImageRequest& request, const images::ImageName& name) {
  const auto store = images::Store::open(request.store);
  if (!store) return std::unexpected(store.error());
  const auto info = store->show(name);
  if (!info) return std::unexpected(info.error());
  const auto data = store->blob(info->data_sha256);
  if (!data) return fail(name.text() + ": its data blob is missing");
  auto manifest =
      images::VerifiedManifest::verify(images::to_json(info->manifest), info->manifest_sha256);
  if (!manifest) return fail(manifest.error(), name.text());
  auto fetcher = images::fetch_blob(*data);
  if (!fetcher) return std::unexpected(fetcher.error());
  return FlashImage{name.text(), std::move(*manifest), std::move(*fetcher)};
}

Fallible<FlashImage> open_any(const FlashImageRequest& request, ProgressBar& bar) {
  std::error_code error;
  if (request.image.starts_with(kScheme)) return open_url(request);
  if (fs::exists(request.image, error)) return open_file(request, bar);
  const auto name = images::ImageName::parse(request.image);
  if (!name) {
    return fail(request.image +
                ": no such file, and neither NAME@VERSION nor an http:// URL of a manifest");
  }
  if (request.store.empty()) return fail(request.image + ": there is no store without settings");
  return open_stored(request, *name);
}

}  // namespace

Fallible<FlashImage> open_flash_image(const FlashImageRequest& request, ProgressBar& bar) {
  auto image = open_any(request, bar);
  if (!image || !request.expected_sha256) return image;
  const auto& found = image->manifest->source.sha256;
  if (found == *request.expected_sha256) return image;
  return fail(image->name + ": SHA-256 of its file is " + found.text() + ", expected " +
              request.expected_sha256->text());
}

}  // namespace slipway::service
