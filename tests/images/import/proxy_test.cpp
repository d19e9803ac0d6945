#include "images/import/proxy.hpp"

#include <cstdlib>
#include <vector>

#include "tests/support/catch.hpp"

using slipway::images::is_excepted;
using slipway::images::proxy_for;
using slipway::images::ProxySettings;

namespace {

// The variables of proxies are these alone; those that were there come back with the end.
class Environment {
 public:
  explicit Environment(const std::map<std::string, std::string>& variables) {
    for (const auto* name : {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy",
                             "ALL_PROXY", "no_proxy", "NO_PROXY"}) {
      if (const char* value = std::getenv(name)) before_[name] = value;
      ::unsetenv(name);
      names_.emplace_back(name);
    }
    set(variables);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const auto& name : names_) ::unsetenv(name.c_str());
    set(before_);
  }

 private:
  static void set(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  }
  std::vector<std::string> names_;
  std::map<std::string, std::string> before_;
};

}  // namespace

TEST_CASE("proxies of the environment: lower case first, HTTP_PROXY never",
          "[import][proxy][security]") {
  struct Row {
    const char* why;
    std::map<std::string, std::string> environment, variables;
  };
  const std::vector<Row> rows{
      {"nothing is set", {}, {}},
      {"what a CGI server makes of a request's header", {{"HTTP_PROXY", "http://evil"}}, {}},
      {"empty is not set", {{"http_proxy", ""}, {"no_proxy", ""}}, {}},
      {"either case",
       {{"http_proxy", "http://p:1"}, {"HTTPS_PROXY", "http://p:2"}, {"NO_PROXY", "a.example"}},
       {{"http_proxy", "http://p:1"}, {"https_proxy", "http://p:2"}, {"no_proxy", "a.example"}}},
      {"both cases",
       {{"all_proxy", "http://low"}, {"ALL_PROXY", "http://high"}},
       {{"all_proxy", "http://low"}}},
  };
  for (const auto& row : rows) {
    INFO(row.why);
    const Environment environment(row.environment);
    const auto settings = ProxySettings::of_environment();
    CHECK(settings.named.empty());
    CHECK(settings.variables == row.variables);
  }
}

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
