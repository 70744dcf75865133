#include "scenarios/explore/shelf.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace scenarios {

namespace fs = std::filesystem;

Shelf::~Shelf() {
  for (const std::string& stem : reserved_) std::remove((stem + ".yaml").c_str());
}

std::string Shelf::reserve() {
  std::error_code error;
  fs::create_directories(folder_, error);
  while (true) {
    const std::string stem = (fs::path(folder_) / fmt::format("{:03}", ++last_)).string();
    if (fs::exists(stem + ".trace", error)) continue;
    const int file =
        ::open((stem + ".yaml").c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (file < 0 && errno == EEXIST) continue;
    if (file < 0) return "";
    ::close(file);
    reserved_.insert(stem);
    return stem;
  }
}

std::string Shelf::put(const std::string& stem, const std::string& yaml) {
  const std::string path = stem + ".yaml";
  const std::string partial = path + ".partial";  // whole or not at all
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  file << yaml;
  file.close();
  std::error_code error;
  if (file) fs::rename(partial, path, error);
  if (file && !error) {
    reserved_.erase(stem);
    return "";
  }
  std::remove(partial.c_str());
  return path + ": cannot be written; what would be in it is printed below";
}

}  // namespace scenarios
