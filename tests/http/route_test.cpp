#include "http/route.hpp"

#include "http/message.hpp"
#include "tests/support/catch.hpp"

using namespace slipway::http;

namespace {

Handler answering(int status) {
  return [status](const Request&, Reply reply) { reply(Response::text(status, "text/plain", "")); };
}

int answer_of(const Match& match) {
  int status = match.status;
  if (match.handler != nullptr) {
    (*match.handler)(Request{}, [&](const Response& response) { status = response.status; });
  }
  return status;
}

}  // namespace

TEST_CASE("a path finds its handler and its parts", "[http][route]") {
  Router router;
  router.add(Method::get, "/", answering(201));
  router.add(Method::get, "/boot.ipxe", answering(202));
  router.add(Method::get, "/h/{token}/user-data", answering(203));
  router.add(Method::get, "/artifacts/{sha}/{name}", answering(205));
  router.add(Method::post, "/h/{token}/report", answering(206), 10);
  router.add(Method::get, "/api/hosts/import", answering(207));
  router.add(Method::get, "/api/hosts/{id}", answering(208));
  struct Row {
    Method method;
    const char* path;
    int status;
    std::vector<std::string> captures;
  };
  const auto row = GENERATE(
      Row{Method::get, "/", 201, {}}, Row{Method::get, "/boot.ipxe", 202, {}},
      Row{Method::head, "/boot.ipxe", 202, {}}, Row{Method::get, "/h/abc/user-data", 203, {"abc"}},
      Row{Method::get, "/artifacts/ff/vmlinuz", 205, {"ff", "vmlinuz"}},
      Row{Method::post, "/h/abc/report", 206, {"abc"}},
      Row{Method::get, "/api/hosts/import", 207, {}},
      Row{Method::get, "/api/hosts/h1", 208, {"h1"}}, Row{Method::get, "/h/abc/report", 405, {}},
      Row{Method::post, "/boot.ipxe", 405, {}}, Row{Method::other, "/boot.ipxe", 405, {}},
      Row{Method::get, "/boot.ipxe/", 404, {}}, Row{Method::get, "/boot.ipx", 404, {}},
      Row{Method::get, "/boot.ipxe2", 404, {}}, Row{Method::get, "/h//user-data", 404, {}},
      Row{Method::get, "/h/a/b/user-data", 404, {}}, Row{Method::get, "/artifacts/ff/", 404, {}},
      Row{Method::get, "/BOOT.IPXE", 404, {}});
  INFO(row.path);
  const auto match = router.match(row.method, row.path);
  CHECK(answer_of(match) == row.status);
  CHECK((match.captures == row.captures));
}

TEST_CASE("a wrong method is told the right ones", "[http][route][rfc9110]") {
  Router router;
  router.add(Method::get, "/x", answering(200));
  router.add(Method::post, "/x", answering(200), 7);
  CHECK(router.match(Method::del, "/x").allow == "GET, HEAD, POST");
  CHECK(router.match(Method::post, "/x").max_body_octets == 7);
  CHECK(router.match(Method::get, "/x").max_body_octets == 65'536);
}
