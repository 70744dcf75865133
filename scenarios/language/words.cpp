#include "scenarios/language/words.hpp"

#include <algorithm>
#include <cstddef>

namespace scenarios {

namespace {

constexpr std::size_t kLongestName = 63;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

}  // namespace

bool is_name(const std::string& text) {
  if (text.empty() || text.size() > kLongestName || !is_letter(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool is_point(const std::string& text) {
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  if (text.empty() || text.size() > kLongestName || !is_small(text[0])) return false;
  bool word = false;
  for (const char c : text) {
    const bool joint = c == '.' || c == '-';
    if (joint ? !word : !is_small(c) && !(c >= '0' && c <= '9')) return false;
    word = !joint;
  }
  return word;
}

std::string shorten(const std::string& text) {
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

std::string nearest(const std::string& word, const std::vector<std::string>& known) {
  if (word.size() > 64) return "";
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest(word, known);
  if (!near.empty()) return ", did you mean `" + near + "`?";
  std::string list = ", known: ";
  for (std::size_t i = 0; i < known.size(); ++i) list += (i == 0 ? "" : ", ") + known[i];
  return known.empty() ? "" : list;
}

}  // namespace scenarios
