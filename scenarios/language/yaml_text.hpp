// Scalars and lists as YAML text: plain where that is safe anywhere, quoted otherwise.
#pragma once

#include <string>
#include <vector>

namespace scenarios {

std::string yaml_scalar(const std::string& text);
/// The same for what is text even when it looks like a number.
std::string yaml_text(const std::string& text);
/// `[a, b]`
std::string yaml_list(const std::vector<std::string>& texts);
/// One line without what a comment cannot hold.
std::string yaml_comment(const std::string& line);

}  // namespace scenarios
