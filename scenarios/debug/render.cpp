#include "scenarios/debug/render.hpp"

#include <algorithm>
#include <vector>

namespace debugger {

namespace {

using Json = nlohmann::ordered_json;

std::string cell(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_null()) return "";
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& one : value) text += (text.empty() ? "" : " ") + cell(one);
  return text.empty() ? "-" : text;
}

void pad(std::string& line, std::size_t width) {
  if (line.size() < width) line.append(width - line.size(), ' ');
}

std::string table(const Json& rows, const std::string& indent) {
  std::vector<std::string> keys;
  for (const Json& row : rows) {
    for (const auto& [key, value] : row.items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    }
  }
  std::vector<std::string> lines(rows.size() + 1, indent);
  std::size_t start = indent.size();
  for (const std::string& key : keys) {
    std::vector<std::string> column{key};
    for (const Json& row : rows) column.push_back(row.contains(key) ? cell(row[key]) : "");
    std::size_t width = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      pad(lines[i], start);
      lines[i] += column[i];
      width = std::max(width, column[i].size());
    }
    start += width + 2;
  }
  std::string text;
  for (std::string& line : lines) {
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

bool is_table(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& row) { return row.is_object(); });
}

std::string object(const Json& data, const std::string& indent) {
  std::size_t width = 0;
  for (const auto& [key, value] : data.items()) width = std::max(width, key.size());
  std::string text;
  for (const auto& [key, value] : data.items()) {
    std::string line = indent + key;
    if (value.is_object()) {
      text += line + "\n" + object(value, indent + "  ");
    } else if (is_table(value)) {
      text += line + "\n" + table(value, indent + "  ");
    } else {
      pad(line, indent.size() + width + 2);
      text += line + cell(value) + "\n";
    }
  }
  return text;
}

}  // namespace

std::string render(const Json& data) {
  if (data.is_object()) return object(data, "");
  if (is_table(data)) return table(data, "");
  if (data.is_array() && data.empty()) return "(none)\n";
  return cell(data) + "\n";
}

}  // namespace debugger
