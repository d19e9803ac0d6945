#include "images/import/proxy.hpp"

#include "tests/support/catch.hpp"

using slipway::images::is_excepted;
using slipway::images::proxy_for;
using slipway::images::ProxySettings;

TEST_CASE("no_proxy excepts names, domains, addresses and networks", "[import][proxy]") {
  struct Row {
    const char* list;
    const char* host;
    bool excepted;
  };
  const auto row = GENERATE(values<Row>({
      {"", "a.example", false},
      {"*", "a.example", true},
      {"example.com", "example.com", true},
      {"example.com", "EXAMPLE.com.", true},
      {"EXAMPLE.com", "www.example.com", true},
      {".example.com", "www.example.com", true},
      {"example.com", "badexample.com", false},
      {"example.com", "example.com.evil", false},
      {"a.test, example.com", "example.com", true},
      {"a.test example.com", "example.com", true},
      {",,", "example.com", false},
      {"127.0.0.1", "127.0.0.1", true},
      {"10.0.0.0/8", "10.200.0.1", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"10.0.0.0/8", "10.example", false},
      {"::1", "[::1]", true},
  }));
  INFO(row.list << " | " << row.host);
  CHECK(is_excepted(row.list, row.host) == row.excepted);
}

TEST_CASE("the proxy of a URL is that of its scheme, else the common one", "[import][proxy]") {
  ProxySettings settings;
  settings.variables = {{"http_proxy", "http://p1:1"}, {"no_proxy", "direct.example"}};
  CHECK(proxy_for(settings, "http", "a.example") == "http://p1:1");
  CHECK(proxy_for(settings, "https", "a.example") == std::nullopt);
  CHECK(proxy_for(settings, "http", "direct.example") == std::nullopt);
  settings.variables["all_proxy"] = "http://p2:2";
  CHECK(proxy_for(settings, "https", "a.example") == "http://p2:2");
  settings.named = "http://p3:3";  // --proxy means every URL
  CHECK(proxy_for(settings, "http", "direct.example") == "http://p3:3");
}
