#include "images/signature.hpp"

#include <sys/stat.h>

#include "images/depot_key.hpp"
#include "images/store.hpp"
#include "tests/images/disk_image.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;
using namespace slipway::test;

namespace {

std::string text_of(const std::string& path) { return std::string(as_text(read_whole_file(path))); }

// A key pair of the stock minisign, without a password.
struct Minisign {
  explicit Minisign(const ScratchFolder& scratch) : folder(scratch) {
    const auto made = run_command("minisign -G -W -p " + folder.path("m.pub") + " -s " +
                                  folder.path("m.key") + " 2>&1 < /dev/null");
    INFO(made.output);
    REQUIRE(made.exit_code == 0);
  }
  [[nodiscard]] PublicKey key() const {
    const auto parsed = PublicKey::parse(text_of(folder.path("m.pub")));
    REQUIRE(parsed);
    return *parsed;
  }
  // `how`: -H is prehashed, -l legacy.
  [[nodiscard]] Signature sign(const std::string& file, const std::string& how) const {
    const auto done = run_command("minisign -S " + how + " -s " + folder.path("m.key") + " -m " +
                                  file + " -t 'a comment' 2>&1 < /dev/null");
    INFO(done.output);
    REQUIRE(done.exit_code == 0);
    const auto parsed = Signature::parse(text_of(file + ".minisig"));
    REQUIRE(parsed);
    return *parsed;
  }
  const ScratchFolder& folder;
};

}  // namespace

TEST_CASE("what the stock minisign signed is verified, in both kinds", "[images][signature]") {
  const auto prehashed = GENERATE(true, false);
  CAPTURE(prehashed);
  const ScratchFolder scratch;
  const Minisign minisign(scratch);
  const auto file = scratch.path("file");
  const auto content = random_octets_of(3 * kMiB + 5, 1);
  write_file(file, content);
  const auto signature = minisign.sign(file, prehashed ? "-H" : "-l");
  CHECK(signature.prehashed == prehashed);
  CHECK(signature.trusted_comment == "a comment");
  CHECK(verify_signature(content, signature, minisign.key()));
  const auto digest =
      verify_file(file, signature, {SigningKey::make().public_key(), minisign.key()});
  REQUIRE(digest);
  CHECK(*digest == Sha256::of(content));

  auto changed = content;
  changed[kMiB] ^= 1;
  CHECK_THAT(verify_signature(changed, signature, minisign.key()).error().text(),
             ContainsSubstring("does not fit its content"));
  write_file(file, changed);
  CHECK_FALSE(verify_file(file, signature, {minisign.key()}));
  auto other_comment = signature;
  other_comment.trusted_comment = "another comment";
  CHECK_THAT(verify_signature(content, other_comment, minisign.key()).error().text(),
             ContainsSubstring("comment was changed"));
  auto other_kind = signature;
  other_kind.prehashed = !prehashed;
  CHECK_FALSE(verify_signature(content, other_kind, minisign.key()));
  auto other_key = minisign.key();
  other_key.point[5] ^= 1;
  CHECK_FALSE(verify_signature(content, signature, other_key));
  CHECK_THAT(verify_file(file, signature, {SigningKey::make().public_key()}).error().text(),
             ContainsSubstring("not among the given ones"));
}

TEST_CASE("the stock minisign verifies what we signed", "[images][signature]") {
  const ScratchFolder scratch;
  const auto key = SigningKey::make();
  const auto file = scratch.path("file");
  write_file(file, as_bytes("content"));
  write_file(scratch.path("our.pub"), as_bytes(key.public_key().text()));
  const auto signature = key.sign(as_bytes("content"), "slipway a@1");
  write_file(file + ".minisig", as_bytes(signature.text()));
  const auto verify = "minisign -V -p " + scratch.path("our.pub") + " -m " + file + " 2>&1";
  const auto good = run_command(verify);
  INFO(good.output);
  CHECK(good.exit_code == 0);
  CHECK_THAT(good.output, ContainsSubstring("slipway a@1"));
  write_file(file, as_bytes("Content"));
  CHECK(run_command(verify).exit_code != 0);
  CHECK(verify_signature(as_bytes("content"), *Signature::parse(signature.text()),
                         *PublicKey::parse(key.public_key().text())));
}

TEST_CASE("damaged keys and signatures are refused", "[images][signature]") {
  const auto key = SigningKey::make();
  const auto good_key = key.public_key().text();
  const auto good = key.sign(as_bytes("content"), "c").text();
  REQUIRE(PublicKey::parse(good_key));
  REQUIRE(PublicKey::parse(good_key.substr(good_key.find('\n') + 1)));
  REQUIRE(Signature::parse(good));
  for (const auto& bad : {std::string(), std::string("untrusted comment: x\n"),
                          good_key.substr(0, good_key.size() - 3), "x" + good_key,
                          good_key.substr(0, good_key.size() - 2) + "!\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(PublicKey::parse(bad));
  }
  const auto line = [&](std::size_t number, const std::string& text) {
    std::string out;
    std::size_t at = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto end = good.find('\n', at);
      out += (i == number ? text : good.substr(at, end - at)) + "\n";
      at = end + 1;
    }
    return out;
  };
  for (const auto& bad : {std::string(), std::string("x\n"), line(0, "no comment"), line(1, ""),
                          line(1, "RUQ="), line(1, std::string(100, 'A')), line(2, "comment: c"),
                          line(3, ""), line(3, std::string(88, '=')),
                          line(3, std::string(87, 'A') + "\n"), std::string(9000, 'a')}) {
    CAPTURE(bad);
    CHECK_FALSE(Signature::parse(bad));
  }
}

TEST_CASE("a signing key is read again, and a damaged one is not", "[images][signature]") {
  const auto key = SigningKey::make();
  const auto again = SigningKey::parse(key.text());
  REQUIRE(again);
  CHECK(again->public_key() == key.public_key());
  CHECK(again->sign(as_bytes("x"), "c").octets == key.sign(as_bytes("x"), "c").octets);
  CHECK_FALSE(SigningKey::parse("x" + key.text()));
  CHECK_FALSE(SigningKey::parse(key.text().substr(0, 60)));
  CHECK_FALSE(SigningKey::parse(""));
}

TEST_CASE("the depot's key is made once, and for its owner alone", "[images][signature]") {
  const ScratchFolder scratch;
  const std::filesystem::path keys = scratch.path("keys");
  CHECK_FALSE(*read_depot_public_key(keys));
  const auto first = open_depot_key(keys);
  REQUIRE(first);
  struct stat info{};
  REQUIRE(::stat((keys / "depot.key").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777U) == 0600);
  const auto public_key = read_depot_public_key(keys);
  REQUIRE(public_key);
  CHECK(**public_key == first->public_key());
  CHECK(open_depot_key(keys)->public_key() == first->public_key());
  REQUIRE(::chmod((keys / "depot.key").c_str(), 0640) == 0);
  CHECK_THAT(open_depot_key(keys).error().text(), ContainsSubstring("must have mode 0600"));
}

TEST_CASE("every manifest is signed, and stock minisign says so", "[images][signature]") {
  const ScratchFolder scratch;
  auto store = Store::open(scratch.path("store"));
  REQUIRE(store);
  write_file(scratch.path("raw"), make_gpt_image());
  const ImportRequest request{.source = scratch.path("raw"), .name = {"disk", "1"}};
  REQUIRE(store->import_image(request));
  CHECK(store->signature({"disk", "1"})->empty());
  store->sign_with(scratch.path("keys"));
  REQUIRE(store->import_image(request));  // the same again: only the signature is new
  const auto kernel = store->add_blob(as_bytes("k"));
  REQUIRE(kernel);
  REQUIRE(store->publish({.name = {"inst", "1"},
                          .type = FileSetType::installer,
                          .kind = "generic",
                          .source = {"k", *kernel},
                          .cmdline = {},
                          .files = {{"kernel", 1, *kernel}},
                          .found = {}}));
  for (const auto* name : {"disk", "inst"}) {
    CAPTURE(name);
    const auto manifest = scratch.path("store/manifests/") + name + "/1.json";
    const auto done = run_command("minisign -V -p " + scratch.path("keys/depot.pub") + " -m " +
                                  manifest + " 2>&1");
    INFO(done.output);
    CHECK(done.exit_code == 0);
    CHECK_THAT(done.output, ContainsSubstring("slipway " + std::string(name) + "@1"));
    CHECK(*store->signature({name, "1"}) == text_of(manifest + ".minisig"));
    REQUIRE(store->remove({name, "1"}));
    CHECK_FALSE(std::filesystem::exists(manifest + ".minisig"));
  }
}
