#include "service/inventory_digest.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace slipway::service {
namespace {

namespace fs = std::filesystem;

bool is_of_the_inventory(const fs::path& file) {
  static constexpr std::array<std::string_view, 3> kEndings{".yaml", ".yml", ".csv"};
  const auto ending = file.extension().native();
  return !file.filename().native().starts_with('.') &&
         std::ranges::find(kEndings, ending) != kEndings.end();
}

}  // namespace

Sha256 inventory_digest(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    if (each->is_regular_file(error) && is_of_the_inventory(each->path())) {
      files.push_back(each->path());
    }
  }
  std::ranges::sort(files);
  std::string list;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(stream), {}};
    list += file.lexically_relative(folder).native() + '\0' + Sha256::of(content).text() + '\n';
  }
  return Sha256::of(list);
}

}  // namespace slipway::service
