// provisioning/store_url.hpp -- where the store lies; the URL of a PostgreSQL database, and how to
// show it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace slipway::provisioning {

struct StorePlace {
  std::filesystem::path file;  // of SQLite; used when there is no URL
  Secret url{};                // postgresql://...; may hold a password
};

[[nodiscard]] bool is_postgresql_url(std::string_view text);

// Whether we take `url`; the sentence shows nothing of it.
[[nodiscard]] Fallible<void> check_database_url(const Secret& url);

// The URL with its password masked.
[[nodiscard]] std::string shown_url(const Secret& url);

// `text`, which libpq wrote, as one line and without the URL's password.
[[nodiscard]] std::string without_password(std::string text, const Secret& url);

}  // namespace slipway::provisioning
