#include "scenarios/runner/boot_cache.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>  // law 1: age of files in a cache
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "scenarios/guests/image_files.hpp"
#include "scenarios/runner/build_id.hpp"
#include "traces/digest.hpp"
#include "traces/text.hpp"

namespace scenarios {

namespace fs = std::filesystem;

namespace {

constexpr const char* kStateEnding = ".saved";
constexpr const char* kPartialEnding = ".partial";
constexpr std::size_t kMostStates = 32;
constexpr std::chrono::hours kPartialAge{1};  // law 1: of a file in a cache; writing takes less

/// What this program does may be another build's after every change of it, whatever that calls
/// itself. nullopt when it cannot be read.
std::optional<traces::Digest> program_digest() {
  static const std::optional<traces::Digest> digest = []() -> std::optional<traces::Digest> {
    std::ifstream in("/proc/self/exe", std::ios::binary);  // law 1: where a cache lies, no content
    traces::DigestStream stream;
    std::vector<char> piece(1 << 20);
    while (in) {
      in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
      stream.add(std::as_bytes(std::span(piece).first(static_cast<std::size_t>(in.gcount()))));
    }
    if (!in.eof()) return std::nullopt;
    return stream.finish();
  }();
  return digest;
}

/// Keeps the newest states, and partial files that somebody may still write.
void tidy_up(const std::string& folder) {
  std::error_code ignored;
  std::vector<std::pair<fs::file_time_type, fs::path>> states;
  const auto now = fs::file_time_type::clock::now();
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const auto written = fs::last_write_time(entry.path(), ignored);
    if (ignored) continue;
    if (entry.path().extension() == kStateEnding) states.emplace_back(written, entry.path());
    const bool left_over =
        entry.path().extension() == kPartialEnding && now - written > kPartialAge;
    if (left_over) fs::remove(entry.path(), ignored);
  }
  if (states.size() <= kMostStates) return;
  std::sort(states.begin(), states.end());
  states.resize(states.size() - kMostStates);
  for (const auto& [written, path] : states) fs::remove(path, ignored);
}

}  // namespace

std::string& boot_cache_setting() {
  static std::string folder;  // law 1: of the command line; where a cache lies decides no run
  return folder;
}

BootCache::BootCache(const std::string& vm, traces::Digest origin) {
  const auto program = program_digest();
  if (!program) return;
  folder_ = boot_cache_setting();
  if (folder_.empty()) {
    folder_ = (fs::path(guests::image_folder()).parent_path() / "saved-states").string();
  }
  traces::DigestStream key;
  for (const traces::Digest& part : {origin, *program, traces::digest_of(build_id())}) {
    key.add_u64(part.high);
    key.add_u64(part.low);
  }
  path_ = (fs::path(folder_) / (vm + "-" + traces::to_text(key.finish()) + kStateEnding)).string();
}

std::optional<std::vector<std::byte>> BootCache::load() const {
  std::error_code ignored;
  if (path_.empty() || !fs::is_regular_file(path_, ignored)) return std::nullopt;
  std::ifstream in(path_, std::ios::binary | std::ios::ate);  // law 1: an input, by its digest
  const std::streamoff size = in ? static_cast<std::streamoff>(in.tellg()) : -1;
  if (size < 0) return std::nullopt;
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  in.seekg(0).read(reinterpret_cast<char*>(bytes.data()), size);
  if (!in) return std::nullopt;
  fs::last_write_time(path_, fs::file_time_type::clock::now(), ignored);  // it is in use
  return bytes;
}

void BootCache::store(std::span<const std::byte> file) const {
  if (path_.empty()) return;
  std::error_code failed;
  fs::create_directories(folder_, failed);
  const std::string writer = std::to_string(::getpid());  // law 1: so that no two meet
  const std::string partial = path_ + "." + writer + kPartialEnding;
  std::remove(partial.c_str());                          // of a process that had this number before
  std::FILE* out = std::fopen(partial.c_str(), "wbxe");  // law 1: a cache
  if (out == nullptr) return;
  bool good = std::fwrite(file.data(), 1, file.size(), out) == file.size();
  good = std::fclose(out) == 0 && good;
  if (good) fs::rename(partial, path_, failed);
  if (!good || failed) std::remove(partial.c_str());
  tidy_up(folder_);
}

}  // namespace scenarios
