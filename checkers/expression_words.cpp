#include "checkers/expression_words.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace checkers {

namespace {

struct Unit {
  std::string_view name;
  ValueKind kind;
  std::uint64_t factor;
};

constexpr std::array<Unit, 11> kUnits{{
    {"ns", ValueKind::Duration, 1},
    {"us", ValueKind::Duration, 1'000},
    {"ms", ValueKind::Duration, 1'000'000},
    {"s", ValueKind::Duration, 1'000'000'000},
    {"min", ValueKind::Duration, 60'000'000'000},
    {"h", ValueKind::Duration, 3'600'000'000'000},
    {"B", ValueKind::Size, 1},
    {"KiB", ValueKind::Size, 1ULL << 10},
    {"MiB", ValueKind::Size, 1ULL << 20},
    {"GiB", ValueKind::Size, 1ULL << 30},
    {"TiB", ValueKind::Size, 1ULL << 40},
}};

[[noreturn]] void fail_at(std::size_t offset, std::string text) {
  throw ExpressionMistake{offset, std::move(text), "", {}};
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<Integer> digits(std::string_view text, int base) {
  if (text.empty()) return std::nullopt;
  Integer number = 0;
  for (const char c : text) {
    const int digit = is_digit(c)            ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : base;
    if (digit >= base) return std::nullopt;
    number = number * base + digit;
    if (number > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  }
  return number;
}

}  // namespace

std::vector<Lexeme> words_of(std::string_view text) {
  std::vector<Lexeme> all;
  std::size_t at = 0;
  const auto take = [&](Token token, std::size_t length) {
    all.push_back({token, at, std::string(text.substr(at, length))});
    at += length;
  };
  while (at < text.size()) {
    const char c = text[at];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      ++at;
    } else if (is_letter(c) || is_digit(c)) {
      std::size_t end = at;
      while (end < text.size() &&
             (is_letter(text[end]) || is_digit(text[end]) || text[end] == '.')) {
        ++end;
      }
      take(is_digit(c) ? Token::Number : Token::Word, end - at);
    } else if (c == '\'' || c == '"') {
      const std::size_t end = text.find(c, at + 1);
      if (end == std::string_view::npos) fail_at(at, "the text that begins here has no end");
      all.push_back({Token::Text, at, std::string(text.substr(at + 1, end - at - 1))});
      at = end + 1;
    } else {
      static constexpr std::array<std::string_view, 4> kDouble{"==", "!=", "<=", ">="};
      const std::string_view two = text.substr(at, 2);
      if (std::find(kDouble.begin(), kDouble.end(), two) != kDouble.end()) {
        take(Token::Sign, 2);
      } else if (std::string_view("<>+-*/()").find(c) != std::string_view::npos) {
        take(Token::Sign, 1);
      } else if (c == '=') {
        fail_at(at, "a single `=`; to compare write `==`");
      } else {
        const bool shown = c > ' ' && c < '\x7f';
        fail_at(at,
                shown ? "`" + std::string(1, c) + "` has no meaning here" : "not a character here");
      }
    }
  }
  all.push_back({Token::End, text.size(), ""});
  return all;
}

std::optional<Measure> measure_of(std::string_view text) {
  const bool hex = text.substr(0, 2) == "0x";
  if (const auto number = hex ? digits(text.substr(2), 16) : digits(text, 10)) {
    return Measure{ValueKind::Number, *number};
  }
  std::size_t end = 0;
  while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, std::min(dot, end));
  const std::string_view part = dot < end ? text.substr(dot + 1, end - dot - 1) : "";
  const auto number = digits(std::string(whole) + std::string(part), 10);
  const auto unit = std::find_if(kUnits.begin(), kUnits.end(),
                                 [&](const Unit& one) { return one.name == text.substr(end); });
  if (unit == kUnits.end() || !number || part.size() > 9) return std::nullopt;
  if (dot < end && part.empty()) return std::nullopt;
  Integer scale = 1;
  for (std::size_t i = 0; i < part.size(); ++i) scale *= 10;
  const Integer product = *number * static_cast<Integer>(unit->factor);
  if (product % scale != 0) return std::nullopt;
  if (product / scale > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return Measure{unit->kind, product / scale};
}

}  // namespace checkers
