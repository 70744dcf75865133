#include "scenarios/guests/image_files.hpp"

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <vector>

namespace guests {

namespace {

namespace fs = std::filesystem;

/// Everything that was ever asked for, by path. Content cannot change what a world does without
/// its digest changing too, which is part of the world's inputs.
struct Kept {
  ImageFile file;
  std::vector<std::byte> content;
};
std::map<std::string, Kept>& known_files() {
  static std::map<std::string, Kept> files;  // law 1: inputs, by digest
  return files;
}

void read_file(ImageFile& file, std::vector<std::byte>& content) {
  std::ifstream in(file.path, std::ios::binary | std::ios::ate);  // law 1: an input
  const std::streamoff size = in ? static_cast<std::streamoff>(in.tellg()) : -1;
  if (size <= 0 || !fs::is_regular_file(file.path)) {
    file.error = "is not a file that can be read and has anything in it";
    return;
  }
  content.resize(static_cast<std::size_t>(size));
  in.seekg(0).read(reinterpret_cast<char*>(content.data()), size);
  if (!in) file.error = "cannot be read to its end";
  file.bytes = content;
  file.digest = traces::digest_of(file.bytes);
}

std::string resolve(const std::string& name, const std::string& beside) {
  std::error_code ignored;
  const fs::path local = fs::path(beside).parent_path() / name;
  if (fs::exists(local, ignored)) return local.string();
  const fs::path stored = fs::path(image_folder()) / name;
  if (fs::exists(stored, ignored)) return stored.string();
  return {};
}

}  // namespace

std::string image_folder() {
  std::error_code ignored;
  constexpr const char* kProgram = "/proc/self/exe";  // law 1: a place, no content
  const fs::path program = fs::read_symlink(kProgram, ignored);
  return (program.parent_path() / "images").string();
}

const ImageFile& image_file(const std::string& name, const std::string& beside) {
  const std::string path = resolve(name, beside);
  const auto [found, is_new] = known_files().try_emplace(path.empty() ? name : path);
  ImageFile& file = found->second.file;
  if (!is_new) return file;
  file.path = path;
  if (path.empty()) {
    file.error = "is no file, neither beside the scenario nor in " + image_folder() +
                 " (`./dev images` makes those of Debian)";
  } else {
    read_file(file, found->second.content);
  }
  return file;
}

}  // namespace guests
