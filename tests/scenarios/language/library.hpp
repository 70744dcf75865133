// The scenarios that come with hvsim, for tests of the language.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace scenarios::test {

/// Every file of the library, sorted by name.
const std::vector<std::filesystem::path>& library_files();
std::string text_of(const std::filesystem::path& file);
/// The text of quickstart.yaml.
const std::string& quickstart();

}  // namespace scenarios::test
