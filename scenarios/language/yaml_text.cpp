#include "scenarios/language/yaml_text.hpp"

#include <algorithm>
#include <cstddef>

namespace scenarios {

namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Safe as a key, as a value, and between the commas of a flow sequence; the same to yaml-cpp and
/// to readers that know numbers and truth values.
bool is_plain(const std::string& text) {
  if (text.empty() || !is_word(text.front()) || text.back() == ' ') return false;
  std::string small = text;
  std::transform(small.begin(), small.end(), small.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const char* word : {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}) {
    if (small == word) return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_word(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == '%' || c == ' ';
  });
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::string in_quotes(const std::string& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else if (is_control(c)) {
      const auto byte = static_cast<unsigned char>(c);
      quoted += "\\x";
      quoted += kHex[byte >> 4];
      quoted += kHex[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace

std::string yaml_scalar(const std::string& text) { return is_plain(text) ? text : in_quotes(text); }

std::string yaml_text(const std::string& text) {
  const bool number = !text.empty() && text[0] >= '0' && text[0] <= '9';
  return is_plain(text) && !number ? text : in_quotes(text);
}

std::string yaml_list(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + yaml_scalar(text);
  return "[" + list + "]";
}

std::string yaml_comment(const std::string& line) {
  std::string clean = line;
  std::replace_if(clean.begin(), clean.end(), is_control, ' ');
  while (!clean.empty() && clean.back() == ' ') clean.pop_back();
  return clean;
}

}  // namespace scenarios
