// base/spawn.hpp -- starts a coroutine whose failure is logged instead of lost.
//
// asio::detached swallows exceptions; here one session dies, the service lives and the log says
// so. Only the files that own sockets include this header, because it brings Asio with it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <string>
#include <utility>

#include "base/log.hpp"

namespace slipway {

// Runs `work` on `executor`. `name` ("tftp.transfer") stands in the log line of an escaped
// exception. `work` is a called coroutine, never a lambda.
template <class Executor>
void spawn(const Executor& executor, std::string name, boost::asio::awaitable<void> work) {
  boost::asio::co_spawn(executor, std::move(work),
                        [name = std::move(name)](const std::exception_ptr& failure) {
                          if (!failure) return;
                          try {
                            std::rethrow_exception(failure);
                          } catch (const std::exception& error) {
                            log::error("session.failed", {{"what", name}, {"why", error.what()}});
                          }
                        });
}

}  // namespace slipway
