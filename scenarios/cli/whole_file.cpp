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
}

void write_whole(const std::string& option, const std::string& path, const std::string& text) {
  // Two processes that write one file do not meet in the unfinished one.
  const std::string part = path + "." + std::to_string(getpid()) + ".partial";
  const int fd = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  const auto fail = [&](const char* what) {
    const int error = errno;
    unlink(part.c_str());
    throw UserError(option + " " + path + ": " + what + ": " + std::strerror(error));
  };
  if (fd < 0) fail("cannot be written");
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
