#include "tests/scenarios/language/library.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "traces/assert.hpp"

namespace scenarios::test {

namespace {

const std::filesystem::path kFolder = HVSIM_LIBRARY;

}  // namespace

const std::vector<std::filesystem::path>& library_files() {
  static const std::vector<std::filesystem::path> files = [] {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
      if (entry.path().extension() == ".yaml") found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }();
  return files;
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  HVSIM_ASSERT(stream.is_open(), "a scenario of the library can be read");
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

const std::string& quickstart() {
  static const std::string text = text_of(kFolder / "quickstart.yaml");
  return text;
}

}  // namespace scenarios::test
