#include "scenarios/cli/whole_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "scenarios/language/source.hpp"

namespace cli {

namespace fs = std::filesystem;
using scenarios::UserError;

namespace {

/// An unfinished file beside `path` that nobody had before: two processes that write one file do
/// not meet in it, and no link is followed. Its name is put into `part`; -1 and errno when refused.
int create_part(const std::string& path, std::string& part) {
  const std::string start = path + "." + std::to_string(getpid());
  part = start + ".partial";
  constexpr int kNew = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = open(part.c_str(), kNew, 0666);
  for (int number = 2; fd < 0 && errno == EEXIST; ++number) {
    part = start + "." + std::to_string(number) + ".partial";
    fd = open(part.c_str(), kNew, 0666);
  }
  return fd;
}

}  // namespace

void require_place(const std::string& option, const std::string& path) {
  std::error_code ignored;
  const std::string start = option + " " + path + ": ";
  if (path.empty()) throw UserError(option + ": give the path of a file");
  if (fs::is_directory(path, ignored)) {
    throw UserError(start + "is a directory; give the path of a file");
  }
  const fs::file_status status = fs::symlink_status(path, ignored);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw UserError(start + "is not a plain file; give the path of one or a new name");
  }
  const fs::path folder = fs::path(path).parent_path();
  if (!folder.empty() && !fs::is_directory(folder, ignored)) {
    throw UserError(start + "there is no folder " + folder.string());
  }
  // Whether there can be such a file only creating one tells: rights, quota, length of the name.
  std::string part;
  const int fd = create_part(path, part);
  if (fd < 0) throw UserError(start + "cannot be created: " + std::strerror(errno));
  close(fd);
  unlink(part.c_str());
}

void require_folder(const std::string& option, const std::string& path) {
  std::error_code error;
  const std::string start = option + " " + path + ": ";
  if (path.empty()) throw UserError(option + ": give the path of a folder");
  if (fs::is_directory(path, error)) return;
  if (fs::exists(fs::symlink_status(path, error))) {
    throw UserError(start + "is not a folder; give the path of one or a new name");
  }
  fs::create_directory(path, error);
  if (error) throw UserError(start + "cannot be created: " + error.message());
}

WholeFile::WholeFile(std::string option, std::string path)
    : option_(std::move(option)), path_(std::move(path)) {
  const int fd = create_part(path_, part_);
  if (fd < 0) {
    fail("cannot be written");
    return;
  }
  file_ = fdopen(fd, "w");
  if (file_ == nullptr) {
    fail("cannot be written");
    close(fd);
    unlink(part_.c_str());
  }
}

WholeFile::~WholeFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  unlink(part_.c_str());
}

void WholeFile::fail(std::string_view what) {
  if (!failure_.empty()) return;
  failure_ = option_ + " " + path_ + ": " + std::string(what) + ": " + std::strerror(errno);
}

void WholeFile::append(std::span<const std::byte> bytes) {
  if (!failure_.empty()) return;
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) fail("cannot be written");
}

void WholeFile::skip(std::uint64_t bytes) {
  if (!failure_.empty()) return;
  if (fseeko(file_, static_cast<off_t>(bytes), SEEK_CUR) != 0) fail("cannot be written");
}

void WholeFile::finish() {
  // A hole at the end is part of the file only when it is told how long it is.
  if (failure_.empty() &&
      (std::fflush(file_) != 0 || ftruncate(fileno(file_), ftello(file_)) != 0 ||
       fsync(fileno(file_)) != 0)) {
    fail("cannot be written");
  }
  if (!failure_.empty()) throw UserError(failure_);
  std::FILE* file = std::exchange(file_, nullptr);
  if (std::fclose(file) != 0) {
    fail("cannot be written");
  } else if (std::rename(part_.c_str(), path_.c_str()) != 0) {
    fail("cannot be replaced");
  }
  if (failure_.empty()) return;
  unlink(part_.c_str());
  throw UserError(failure_);
}

void write_whole(const std::string& option, const std::string& path, const std::string& text) {
  WholeFile file(option, path);
  file.append(std::as_bytes(std::span(text)));
  file.finish();
}

}  // namespace cli
