// Files that commands write for people: whole or not at all.
#pragma once

#include <string>

namespace cli {

/// Refuses what cannot become a file before any work is done for it. `option` begins the message.
/// Throws UserError.
void require_place(const std::string& option, const std::string& path);

/// Under another name first, on the disk, then renamed: what was there stays until it is replaced.
/// Throws UserError.
void write_whole(const std::string& option, const std::string& path, const std::string& text);

}  // namespace cli
