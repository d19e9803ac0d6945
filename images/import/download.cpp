#include "images/import/download.hpp"

#include <algorithm>
#include <charconv>
#include <thread>
#include <utility>

#include "base/progress.hpp"

namespace slipway::images {
namespace {

constexpr unsigned kMaxIdleTries = 5;
constexpr unsigned kMaxRestarts = 3;
constexpr std::uint64_t kIdleOctets = 65'536;  // a try that brings fewer counts as idle
constexpr std::chrono::milliseconds kMaxPause{8'000};

SourceVersion version_of(const WebHead& head, std::optional<std::uint64_t> octets) {
  auto etag = head.find("ETag").value_or("");
  if (!etag.starts_with('"')) etag.clear();  // a weak one (W/) does not promise the octets
  return {std::move(etag), head.find("Last-Modified").value_or(""), octets};
}

bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

// One download over as many requests as it takes.
class Download {
 public:
  Download(const WebOptions& options, const DownloadRequest& request, PartFile part)
      : options_(options), request_(request), part_(std::move(part)) {}

  Fallible<Downloaded> run() {
    while (!is_whole()) {
      const auto before = part_.octets();
      const auto done = attempt();
      if (done) continue;
      if (!done.error().may_pass) return std::unexpected(done.error().error);
      const bool idle = part_.octets() < before + kIdleOctets;
      idle_tries_ = idle ? idle_tries_ + 1 : 0;
      if (idle_tries_ >= kMaxIdleTries) {
        return fail(done.error().error.text() + " (given up after " +
                    std::to_string(kMaxIdleTries) +
                    " tries; what came is kept, so that the same "
                    "import goes on from there)");
      }
      std::this_thread::sleep_for(pause());
    }
    return finish();
  }

 private:
  using Outcome = std::expected<void, WebFailure>;

  // A pinned content that is there needs no word of the source.
  [[nodiscard]] bool is_whole() {
    if (ended_) return true;
    const auto size = request_.octets ? request_.octets : part_.version().octets;
    ended_ = request_.sha256 && size && part_.octets() == *size;
    return ended_;
  }

  [[nodiscard]] std::chrono::milliseconds pause() const {
    return std::min(kMaxPause, request_.first_pause * (1U << (std::max(idle_tries_, 1U) - 1)));
  }

  [[nodiscard]] bool can_resume() const {
    const auto& version = part_.version();
    return part_.octets() > 0 &&
           (!version.etag.empty() || !version.modified.empty() || request_.sha256);
  }

  // Of a part that has all octets the last one is asked for again: the answer says whether the
  // source is still what it was.
  [[nodiscard]] std::uint64_t first_wanted() const {
    if (!can_resume()) return 0;
    return part_.octets() == part_.version().octets ? part_.octets() - 1 : part_.octets();
  }

  [[nodiscard]] WebRequest next_request() const {
    auto next = request_.source;
    if (authorization_) next.authorization = *authorization_;
    next.headers.push_back({"Accept-Encoding", "identity"});
    if (!can_resume()) return next;
    const auto& version = part_.version();
    next.headers.push_back({"Range", "bytes=" + std::to_string(first_wanted()) + "-"});
    const auto& condition = version.etag.empty() ? version.modified : version.etag;
    if (!condition.empty()) next.headers.push_back({"If-Range", condition});
    return next;
  }

  Outcome attempt() {
    first_ = first_wanted();
    changed_ = false;
    const WebSink sink{.head = [this](const WebHead& head) { return take_head(head); },
                       .body = [this](ByteView octets) { return take_body(octets); }};
    const auto answer = web_get(options_, next_request(), sink);
    if (changed_) return begin_anew();
    if (!answer) return std::unexpected(answer.error());
    const auto status = answer->head.status;
    if (status == 401 && request_.renew && !renewed_) return attempt_renewed();
    if (status == 416 && part_.octets() > 0) return begin_anew();
    if (status != 200 && status != 206) return std::unexpected(refusal(*answer));
    const auto& octets = part_.version().octets;
    if (octets && part_.octets() < *octets) {
      return std::unexpected(WebFailure{at("the answer ends early"), true});
    }
    ended_ = true;
    return {};
  }

  // A token ends sooner than a large file.
  Outcome attempt_renewed() {
    auto authorization = request_.renew();
    if (!authorization) return std::unexpected(WebFailure{authorization.error()});
    authorization_ = std::move(*authorization);
    renewed_ = true;
    auto outcome = attempt();
    renewed_ = false;
    return outcome;
  }

  Outcome begin_anew() {
    if (++restarts_ >= kMaxRestarts) {
      return std::unexpected(WebFailure{at("the source changes while it is fetched")});
    }
    const auto good = part_.restart({});
    if (!good) return std::unexpected(WebFailure{good.error()});
    return attempt();
  }

  Fallible<void> take_head(const WebHead& head) {
    if (head.status == 206) return take_range(head);
    if (head.status != 200) return fail("answered " + std::to_string(head.status));
    if (!head.has_end && !request_.sha256) {
      return fail(
          "the server does not say where the file ends, so a cut one would pass for whole; "
          "give its digest: --sha256");
    }
    auto good = check_size(head.octets(), 0);
    if (!good) return good;
    to_compare_ = false;
    return part_.restart(version_of(head, head.octets()));
  }

  Fallible<void> take_range(const WebHead& head) {
    const auto range = parse_content_range(head.find("Content-Range").value_or(""));
    const auto now = version_of(head, range ? std::optional(range->octets) : std::nullopt);
    const auto& before = part_.version();
    changed_ = !range || range->first != first_ ||
               now.octets != before.octets.value_or(range->octets) ||
               (!now.etag.empty() && !before.etag.empty() && now.etag != before.etag);
    if (changed_) return fail("the source is not what it was");
    to_compare_ = first_ < part_.octets();
    return check_size(range->octets, part_.octets());
  }

  Fallible<void> check_size(std::optional<std::uint64_t> octets, std::uint64_t there) {
    if (octets && request_.octets && *octets != *request_.octets) {
      return fail("has " + std::to_string(*octets) + " octets, expected " +
                  std::to_string(*request_.octets));
    }
    if (!octets) return {};
    if (*octets > request_.max_octets) {
      return fail("has " + human_octets(*octets) + ", more than the " +
                  human_octets(request_.max_octets) + " that are taken");
    }
    return part_.check_room(*octets - there);
  }

  Fallible<void> take_body(ByteView octets) {
    if (to_compare_ && !octets.empty()) {
      const auto last = part_.last_octet();
      if (!last) return std::unexpected(last.error());
      changed_ = *last != octets.front();
      if (changed_) return fail("the source is not what it was");
      octets = octets.subspan(1);
      to_compare_ = false;
    }
    const auto limit =
        part_.version().octets.value_or(request_.octets.value_or(request_.max_octets));
    if (octets.size() > limit - std::min(limit, part_.octets())) {
      return fail("is longer than the " + std::to_string(limit) + " octets that it should have");
    }
    auto good = part_.append(octets);
    if (good && !request_.progress(part_.octets(), part_.version().octets.value_or(0))) {
      return fail("stopped");
    }
    return good;
  }

  [[nodiscard]] WebFailure refusal(const WebAnswer& answer) const {
    const auto status = answer.head.status;
    const bool passes = status == 408 || status == 429 || status >= 500;
    const auto* hint = status == 401 || status == 403 ? "; the server wants other rights"
                       : status == 404                ? "; is the address right?"
                                                      : "";
    return {at("the server answered " + std::to_string(status) + hint), passes};
  }

  [[nodiscard]] Error at(const std::string& text) const {
    return Error(text).within(shown_url(request_.source.url));
  }

  Fallible<Downloaded> finish() {
    const auto octets = part_.octets();
    const auto found = part_.digest();
    const bool short_of = request_.octets && octets != *request_.octets;
    if (short_of || (request_.sha256 && found != *request_.sha256)) {
      const auto gone = part_.remove();
      if (!gone) return std::unexpected(gone.error());
      if (short_of) {
        return std::unexpected(at("has " + std::to_string(octets) + " octets, expected " +
                                  std::to_string(*request_.octets)));
      }
      return std::unexpected(
          at("SHA-256 is " + found.text() + ", expected " + request_.sha256->text()));
    }
    const auto good = part_.sync();
    if (!good) return std::unexpected(good.error());
    return Downloaded{std::move(part_), found};
  }

  const WebOptions& options_;
  const DownloadRequest& request_;
  PartFile part_;
  std::optional<Secret> authorization_;  // of renew()
  bool renewed_ = false;                 // within the present try
  bool ended_ = false;                   // all is there
  unsigned idle_tries_ = 0;              // in a row
  unsigned restarts_ = 0;                // because the source changed
  std::uint64_t first_ = 0;              // of the present try
  bool to_compare_ = false;              // its first octet is there already
  bool changed_ = false;                 // the source, as the present try saw
};

}  // namespace

Fallible<Downloaded> download(const WebOptions& options, const DownloadRequest& request) {
  const auto& key = request.key.empty() ? request.source.url : request.key;
  auto part = PartFile::open(request.folder, key);
  if (!part) return fail(part.error(), shown_url(request.source.url));
  return Download(options, request, std::move(*part)).run();
}

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  ContentRange range;
  const auto take = [&text](char mark) {
    if (!text.starts_with(mark)) return false;
    text.remove_prefix(1);
    return true;
  };
  const bool good = take_number(text, range.first) && take('-') && take_number(text, range.last) &&
                    take('/') && take_number(text, range.octets) && text.empty();
  if (!good || range.last < range.first || range.last >= range.octets) return std::nullopt;
  return range;
}

}  // namespace slipway::images
