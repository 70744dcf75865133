// Files that a guest is started from and that do not come with the project: kernels and initial
// RAM disks. They are read once per process, and stay.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "traces/digest.hpp"

namespace guests {

struct ImageFile {
  std::string path;
  std::span<const std::byte> bytes;
  traces::Digest digest;
  std::string error;  ///< why it cannot be read; empty when it could
};

/// `name` is a path beside the file `beside`, or a name in the image folder. Absolute paths stand
/// for themselves.
const ImageFile& image_file(const std::string& name, const std::string& beside);

/// Where `./dev images` puts what it makes: `images` beside the running program.
std::string image_folder();

}  // namespace guests
