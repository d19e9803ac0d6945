#include <algorithm>

#include "images/import/oci_auth.hpp"
#include "images/import/oci_manifest.hpp"
#include "images/import/oci_reference.hpp"
#include "tests/support/catch.hpp"

using namespace slipway;
using namespace slipway::images;

namespace {

const std::string kDigest(64, 'a');

std::string layer(const std::string& type, const std::string& more = "") {
  return R"({"mediaType":")" + type + R"(","digest":"sha256:)" + kDigest + R"(","size":5)" + more +
         "}";
}

std::string manifest(const std::string& layers) {
  return R"({"schemaVersion":2,"config":)" + layer("application/vnd.oci.empty.v1+json") +
         R"(,"layers":[)" + layers + "]}";
}

}  // namespace

TEST_CASE("references to images of registries", "[import][oci]") {
  struct Row {
    std::string text, registry, repository, tag;
    bool has_digest;
  };
  const auto row = GENERATE(values<Row>({
      {"oci://r.example/a", "r.example", "a", "latest", false},
      {"oci://r.example:5000/a/b-c/d__e:1.0", "r.example:5000", "a/b-c/d__e", "1.0", false},
      {"oci://localhost/a@sha256:" + kDigest, "localhost", "a", "", true},
      {"oci://10.0.0.5:80/a:v1@sha256:" + kDigest, "10.0.0.5:80", "a", "v1", true},
      {"oci://[::1]:5000/a", "[::1]:5000", "a", "latest", false},
  }));
  INFO(row.text);
  const auto found = OciReference::parse(row.text);
  REQUIRE(found.has_value());
  CHECK(found->registry == row.registry);
  CHECK(found->repository == row.repository);
  CHECK(found->tag == row.tag);
  CHECK(found->digest.has_value() == row.has_digest);
  CHECK(OciReference::parse("oci://" + found->text()).value() == *found);
}

TEST_CASE("what is no reference is refused", "[import][oci]") {
  const auto text = GENERATE(
      as<std::string>{}, "", "https://r.example/a", "oci://", "oci://r.example", "oci://r.example/",
      "oci:///a", "oci://r.example/A", "oci://r.example/a//b", "oci://r.example/../a",
      "oci://r.example/a/..", "oci://r.example/a:", "oci://r.example/a:.x", "oci://r.example/a:b/c",
      "oci://r.example/a@sha256:12", "oci://r.example/a@md5:12", "oci://r.example/a?b",
      "oci://r x/a", "oci://u:p@r.example/a", "oci://[::1/a", "oci://r.example:/a",
      "oci://r.example:port/a", "oci://r.example/a..b", "oci://r.example/a._b",
      "oci://r.example/-a", "oci://r.example/a-", "oci://r.example/a%2f", "oci://r.example/a\nb");
  INFO(text);
  CHECK_FALSE(OciReference::parse(text).has_value());
}

TEST_CASE("mirrors rewrite where a registry is asked", "[import][oci]") {
  const OciMirrors mirrors{{"docker.io", "https://mirror.depot:8443/hub/"},
                           {"bad.example", "ftp://x"}};
  const auto place = [&](const char* text) {
    return oci_place(OciReference::parse(text).value(), mirrors);
  };
  CHECK(place("oci://docker.io/debian").value() ==
        OciPlace{"https", "mirror.depot:8443", "hub/library/debian"});
  CHECK(place("oci://r.example/a").value() == OciPlace{"", "r.example", "a"});
  CHECK_FALSE(place("oci://bad.example/a").has_value());
  CHECK(oci_place(OciReference::parse("oci://docker.io/a/b").value(), {}).value() ==
        OciPlace{"", "registry-1.docker.io", "a/b"});
}

TEST_CASE("manifests and indexes are read", "[import][oci]") {
  const auto title = R"(,"annotations":{"org.opencontainers.image.title":"edge.img"})";
  const auto one = parse_oci_document(manifest(layer("application/x-raw-disk", title)));
  REQUIRE(one.has_value());
  const auto& found = std::get<OciManifest>(*one);
  REQUIRE(found.layers.size() == 1);
  CHECK(found.layers[0].title == "edge.img");
  CHECK(found.layers[0].octets == 5);
  CHECK_FALSE(is_container_layer(found.layers[0].media_type));
  CHECK(is_container_layer("application/vnd.oci.image.layer.v1.tar+gzip"));
  CHECK(is_container_layer("application/vnd.docker.image.rootfs.diff.tar.gzip"));

  const auto arm = layer("m", R"(,"platform":{"os":"linux","architecture":"arm64"})");
  const auto amd = layer("amd", R"(,"platform":{"os":"linux","architecture":"amd64"})");
  const auto index = [](const std::string& list) {
    const auto parsed = parse_oci_document(R"({"schemaVersion":2,"manifests":[)" + list + "]}");
    return choose_manifest(std::get<OciIndex>(parsed.value()));
  };
  CHECK(index(arm + "," + amd).value().media_type == "amd");
  CHECK(index(layer("only")).value().media_type == "only");
  const auto none = index(arm);
  REQUIRE_FALSE(none.has_value());
  CHECK_THAT(none.error().text(), ContainsSubstring("linux/arm64"));
}

TEST_CASE("manifests and indexes of OCI and Docker are asked for", "[import][oci]") {
  CHECK(accepted_manifests() ==
        "application/vnd.oci.image.manifest.v1+json, "
        "application/vnd.docker.distribution.manifest.v2+json, "
        "application/vnd.oci.image.index.v1+json, "
        "application/vnd.docker.distribution.manifest.list.v2+json");
}

TEST_CASE("manifests that break a rule are refused", "[import][oci]") {
  const auto good = layer("x");
  const std::string bad_digest = R"({"mediaType":"x","digest":"sha512:aa","size":5})";
  std::string many = good;
  for (int i = 0; i < 1000; ++i) many += "," + good;
  const auto text = GENERATE_COPY(
      std::string(), std::string("[]"), std::string("{}"), R"({"schemaVersion":1,"layers":[]})",
      manifest(""), manifest(bad_digest), manifest(many), manifest("5"), manifest(layer("x y")),
      manifest(R"({"mediaType":"x","digest":"sha256:)" + kDigest + R"(","size":-1})"),
      R"({"schemaVersion":2,"manifests":[)" + good + R"(],"layers":[)" + good + R"(],"config":)" +
          good + "}",
      R"({"schemaVersion":2,"layers":[)" + good + "]}",
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":)" +
          good + R"(,"layers":[)" + good + "]}");
  INFO(text.substr(0, 200));
  CHECK_FALSE(parse_oci_document(text).has_value());
}

TEST_CASE("challenges of registries are read", "[import][oci][rfc9110]") {
  using Parameters = std::map<std::string, std::string>;
  CHECK(parse_challenges(
            R"(Bearer realm="https://t.example/a?b,c",service="r.example", scope="x:y:pull")") ==
        std::vector<AuthChallenge>{{"bearer", Parameters{{"realm", "https://t.example/a?b,c"},
                                                         {"service", "r.example"},
                                                         {"scope", "x:y:pull"}}}});
  CHECK(parse_challenges(R"(BASIC Realm="a \"b\"")") ==
        std::vector<AuthChallenge>{{"basic", Parameters{{"realm", R"(a "b")"}}}});
  CHECK(parse_challenges("Negotiate, Basic realm=x, , Bearer realm=y").size() == 3);
  CHECK(parse_challenges("Basic") == std::vector<AuthChallenge>{{"basic", {}}});
  for (const auto* text :
       {"", ",", "=", "Basic realm=\"x", "Basic =", "\"Basic\"", "Basic a=b=c", "Basic \x01"}) {
    INFO(text);
    const auto found = parse_challenges(text);
    CHECK(std::ranges::none_of(found,
                               [](const auto& each) { return each.parameters.contains("realm"); }));
  }
  // A parameter twice is an attack or a mistake: nothing is believed.
  CHECK(parse_challenges("Basic realm=a, realm=b").empty());
}

TEST_CASE("logins of a config.json", "[import][oci]") {
  const auto config = R"({"auths":{"r.example:5000":{"auth":"dXNlcjpwYTpzcw=="},
    "https://index.docker.io/v1/":{"username":"hub","password":"x"},
    "t.example":{"identitytoken":"long"}, "empty.example":{}, "bad.example":{"auth":"!"}},
    "credHelpers":{"helped.example":"pass"}})";
  const auto login = find_login(config, "r.example:5000").value().value();
  CHECK(login.user == "user");
  CHECK(login.password.reveal() == "pa:ss");
  CHECK(login.basic().reveal() == "Basic dXNlcjpwYTpzcw==");
  CHECK(find_login(config, "registry-1.docker.io").value().value().user == "hub");
  CHECK(find_login(config, "t.example").value().value().identity_token.reveal() == "long");
  CHECK_FALSE(find_login(config, "r.example").value().has_value());
  CHECK_FALSE(find_login(config, "empty.example").value().has_value());
  CHECK_FALSE(find_login(config, "bad.example").has_value());
  CHECK_THAT(find_login(config, "helped.example").error().text(), ContainsSubstring("helper"));
  CHECK_FALSE(find_login("[]", "r.example").has_value());
  CHECK_FALSE(find_login(R"({"credsStore":"x"})", "r.example").has_value());
}

TEST_CASE("tokens of token servers", "[import][oci]") {
  CHECK(parse_token(R"({"token":"abc","access_token":"d"})").value().reveal() == "abc");
  CHECK(parse_token(R"({"access_token":"d"})").value().reveal() == "d");
  for (const auto* text :
       {"", "[]", "{}", R"({"token":""})", R"({"token":"a\r\nb"})", R"({"token":5})"}) {
    INFO(text);
    CHECK_FALSE(parse_token(text).has_value());
  }
}

TEST_CASE("base64 goes there and back", "[import][oci][rfc4648]") {
  const std::pair<std::string, std::string> rows[] = {
      {"", ""},        {"f", "Zg=="},          {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe", "//4="}};
  for (const auto& [plain, text] : rows) {
    CHECK(to_base64(plain) == text);
    CHECK(from_base64(text) == plain);
  }
  CHECK(from_base64("Zg") == "f");
  CHECK(from_base64("Z") == std::nullopt);
  CHECK(from_base64("Zm 9") == std::nullopt);
}
