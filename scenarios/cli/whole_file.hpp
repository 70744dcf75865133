// Files that commands write for people: whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace cli {

/// Refuses what cannot become a file before any work is done for it. `option` begins the message.
/// Throws UserError.
void require_place(const std::string& option, const std::string& path);

/// Refuses what cannot become a folder of files that a command writes, and makes it where it is
/// not there yet. Throws UserError.
void require_folder(const std::string& option, const std::string& path);

/// A file on its way: under another name beside `path`, on the disk, then renamed. What was there
/// stays until it is replaced; without finish() nothing new stays. Failures wait for finish(), so
/// that they never pass through a running world.
class WholeFile {
 public:
  WholeFile(std::string option, std::string path);
  ~WholeFile();
  WholeFile(const WholeFile&) = delete;

  void append(std::span<const std::byte> bytes);
  /// Bytes of zeros that take no room where the file system knows holes.
  void skip(std::uint64_t bytes);
  /// Throws UserError.
  void finish();

 private:
  void fail(std::string_view what);

  std::string option_, path_, part_;
  std::FILE* file_ = nullptr;
  std::string failure_;  ///< the first one; nothing is written after it
};

/// A text as such a file. Throws UserError.
void write_whole(const std::string& option, const std::string& path, const std::string& text);

}  // namespace cli
