#include "scenarios/cli/whole_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

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

void write_whole(const std::string& option, const std::string& path, const std::string& text) {
  std::string part;
  const int fd = create_part(path, part);
  const auto fail = [&](const char* what) {
    const int error = errno;
    unlink(part.c_str());
    throw UserError(option + " " + path + ": " + what + ": " + std::strerror(error));
  };
  if (fd < 0) throw UserError(option + " " + path + ": cannot be written: " + std::strerror(errno));
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = write(fd, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      if (written == 0) errno = ENOSPC;
      const int error = errno;
      close(fd);
      errno = error;
      fail("cannot be written");
    }
    done += static_cast<std::size_t>(written);
  }
  const bool kept = fsync(fd) == 0;
  if (close(fd) != 0 || !kept) fail("cannot be written");
  if (std::rename(part.c_str(), path.c_str()) != 0) fail("cannot be replaced");
}

}  // namespace cli
