// The forms of coroutine that style A.7 allows, run for real: under the sanitizers this shows in a
// minute whether a new compiler still builds them rightly.
#include "base/spawn.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <stdexcept>
#include <string>

#include "tests/support/catch.hpp"

namespace asio = boost::asio;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

asio::awaitable<std::string> doubled(std::string text) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  timer.expires_after(std::chrono::milliseconds(1));
  auto result = co_await timer.async_wait(kNoThrow);
  auto& [error] = result;
  co_return error ? std::string("failed") : text + text;
}

asio::awaitable<void> collect(std::string* out) {
  std::string text = "a long text that does not fit into the string itself ";
  auto first = co_await doubled(text);
  *out = co_await doubled(std::move(first));
}

asio::awaitable<void> throwing() {
  auto text = co_await doubled("x");
  throw std::runtime_error(text);
}

}  // namespace

TEST_CASE("a coroutine runs to its end", "[base][spawn]") {
  asio::io_context io(1);
  std::string out;
  slipway::spawn(io.get_executor(), "test.collect", collect(&out));
  io.run();
  CHECK(out.size() ==
        4 * std::string("a long text that does not fit into the string itself ").size());
}

TEST_CASE("a coroutine that throws ends alone", "[base][spawn]") {
  asio::io_context io(1);
  std::string out;
  slipway::spawn(io.get_executor(), "test.throwing", throwing());
  slipway::spawn(io.get_executor(), "test.collect", collect(&out));
  CHECK_NOTHROW(io.run());
  CHECK_FALSE(out.empty());
}
